// One group as elements. All text goes in as text: names are a stranger's.

const $ = (id) => document.getElementById(id);

function make(tag, className, ...children) {
  const element = document.createElement(tag);
  if (className) element.className = className;
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
  return element;
}

function button(className, text, act) {
  const made = make("button", className, text);
  made.type = "button";
  made.addEventListener("click", act);
  return made;
}

function fileSize(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let amount = bytes, unit = 0;
  for (; amount >= 1000 && unit < units.length - 1; unit++) amount /= 1000;
  return `${unit === 0 || amount >= 100 ? Math.round(amount) : amount.toFixed(1)} ${units[unit]}`;
}

const count = (n, one, many) => `${n.toLocaleString("en")} ${n === 1 ? one : many}`;

function howSure(score) {
  if (score >= 0.9999) return "surer than 99.99 %";
  return `${(Math.floor(score * 10000) / 100).toFixed(2)} % sure`;
}

// --- thumbnails -------------------------------------------------------------------------------

// The page comes in while it is already shown: what is not here yet is asked for again.
const awaited = new Map();

function showThumb(image, content) {
  const text = $("t" + content)?.textContent;
  if (text) {
    image.src = "data:image/jpeg;base64," + text;
    awaited.delete(image);
  } else if (document.readyState === "loading") {
    awaited.set(image, content);
  } else {
    image.closest(".picture")?.classList.add("missing");
    awaited.delete(image);
  }
}

function showAwaited() {
  for (const [image, content] of awaited) showThumb(image, content);
}

function picture(file) {
  const image = make("img");
  image.alt = "";
  image.decoding = "async";
  const made = make("div", "picture", image);
  made.style.setProperty("--shape", String(file.width / file.height));
  showThumb(image, file.content);
  return made;
}

function addBoxes(to, boxes) {
  for (const [x, y, width, height] of boxes) {
    const box = make("span", "box");
    const place = { left: x, top: y, width, height };
    for (const [side, share] of Object.entries(place)) box.style.setProperty(side, `${100 * share}%`);
    to.append(box);
  }
}

// --- cards ------------------------------------------------------------------------------------

// acts: {focus, toggle, toggleAll, keep, compare}, each of (group, i).
function fillGroup(section, group, acts) {
  const [kept, ...others] = inOrder(group).map((i, position) => card(group, i, position, acts));
  section.replaceChildren(
    heading(group, acts),
    make("div", "files", kept, make("ul", "others", ...others)),
  );
  paintGroup(section, group);
}

function heading(group, acts) {
  const id = `g${group.number}`;
  const title = make("h2", "", `Group ${group.number + 1}`);
  title.id = id;
  const made = make("header", "head", title, make("span", "sum"));
  if (group.kind === "similar") {
    made.append(make("span", "tag", "look-alikes: other pictures, only to look at"));
  } else {
    made.append(button("all", "", () => acts.toggleAll(group)));
  }
  return made;
}

function card(group, i, position, acts) {
  const file = group.files[i], isKept = i === group.keeper;
  const made = make(isKept ? "div" : "li", isKept ? "card kept" : "card",
    make("div", "verdict", choice(group, i, acts), make("span", "number", String(position + 1))),
    stage(group, i, acts),
    make("p", "what", isKept ? keptBecause(group) : wordsFor(group, i)),
    ...remarks(group, i),
    make("p", "facts", ...facts(file, group.files[group.keeper], isKept)),
    make("p", "path", make("span", "name", file.name), folderOf(file)),
    file.beside.length > 0 ? make("p", "beside", `with ${file.beside.join(", ")}`) : null,
    isKept || group.kind === "similar" ? null : button("keep", "Keep this one", () => acts.keep(group, i)),
  );
  made.tabIndex = -1;
  made.dataset.file = String(i);
  if (isKept) made.setAttribute("role", "group");
  made.addEventListener("focusin", () => acts.focus(group, i));
  return made;
}

// Where all lies below one root, that root is said once, above. Lines break after slashes.
function folderOf(file) {
  const root = DATA.roots.length === 1 ? DATA.roots[0] : null;
  const below = file.folder === root || file.folder.startsWith(`${root}/`);
  const shown = below ? file.folder.slice(root.length + 1) : file.folder;
  const pieces = shown.split(/(?<=\/)/).flatMap((piece) => [piece, make("wbr")]);
  const made = make("span", "folder", ...pieces);
  made.title = file.folder;
  return made;
}

function stage(group, i, acts) {
  const shown = picture(group.files[i]);
  addBoxes(shown, boxesOf(group, i));
  if (i === group.keeper) return make("div", "frame", shown);
  const opener = button("frame", shown, () => acts.compare(group, i));
  opener.setAttribute("aria-label", `Compare ${group.files[i].name} with the first`);
  opener.title = "Compare (b)";
  return opener;
}

function keptBecause(group) {
  if (group.kind === "similar") return "first of these look-alikes";
  return `why: ${group.keeper === 0 ? group.reason || "first of its group" : "you chose it"}`;
}

function wordsFor(group, i) {
  const { kind, words } = relation(group, i);
  return kind === "similar" ? `${group.files[i].score.toFixed(3)} alike` : words;
}

function choice(group, i, acts) {
  if (i === group.keeper) return make("span", "state", group.kind === "similar" ? "" : "kept");
  if (relation(group, i).lock) return make("span", "state", group.kind === "similar" ? "" : "must stay");
  const box = make("input");
  box.type = "checkbox";
  box.addEventListener("change", () => acts.toggle(group, i));
  return make("label", "state", box, make("span", "word"));
}

function* remarks(group, i) {
  const file = group.files[i];
  if (i === group.keeper) {
    yield make("p", "warning loss");
    return;
  }
  if (group.kind === "similar") return;
  const { kind, lock, note } = relation(group, i);
  const sure = kind === "copy" && showsTheFirst(group) && file.score !== undefined ? howSure(file.score) : "";
  yield make("p", "sure", make("span", "tag", kind), sure);
  if (lock) yield make("p", "lock", lock);
  else if (note) yield make("p", "note", note);
}

function* facts(file, kept, isKept) {
  const parts = [
    [`${file.width}x${file.height}`, file.width * file.height < kept.width * kept.height],
    [file.format, false],
    [fileSize(file.bytes), false],
  ];
  for (const [text, isLess] of parts) yield make("span", isLess && !isKept ? "less" : "", text);
  yield make("time", "", file.date);
}

// --- what changes with the choices ---------------------------------------------------------------

function paintGroup(section, group) {
  const members = membersOf(group), going = members.filter((i) => isToMove(group, i));
  const size = count(group.files.length, "file", "files");
  const sum = group.kind === "similar" ? size
    : `${size} · ${going.length} of ${members.length} to move · ${fileSize(bytesFreed(group))} can be freed`;
  section.querySelector(".sum").textContent = sum;
  section.classList.toggle("changed", isChanged(group));
  const all = section.querySelector(".all");
  if (all) {
    const free = members.filter((i) => !relation(group, i).lock);
    all.textContent = free.length > 0 && going.length === free.length ? "Keep all" : "Move all others";
    all.disabled = free.length === 0;
  }
  for (const element of section.querySelectorAll(".card")) paintCard(element, group, Number(element.dataset.file));
  const loss = section.querySelector(".loss");
  if (loss) loss.textContent = lossOf(group, going);
}

function paintCard(element, group, i) {
  const isGoing = isToMove(group, i);
  element.classList.toggle("going", isGoing);
  const box = element.querySelector("input");
  if (box) {
    box.checked = isGoing;
    box.setAttribute("aria-label", `move ${group.files[i].name}`);
    element.querySelector(".word").textContent = isGoing ? "to move" : "stays";
  }
  const state = i === group.keeper ? "kept" : isGoing ? "to move" : "stays";
  const words = i === group.keeper ? keptBecause(group) : wordsFor(group, i);
  element.setAttribute("aria-label", `${group.files[i].name}, ${state}: ${words}`);
}

// What a person should know who gives up a larger picture.
function lossOf(group, going) {
  const area = (file) => file.width * file.height;
  const kept = group.files[group.keeper];
  const best = going.map((i) => group.files[i]).sort((a, b) => area(b) - area(a))[0];
  if (!best || area(best) <= area(kept)) return "";
  return `smaller than one to move (${best.width}x${best.height})`;
}
