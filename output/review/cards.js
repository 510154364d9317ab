// One group as elements: the kept file and the others, what was done to them, and what becomes of them.

import { button, make } from "./elements.js";
import { boxesOf, bytesFreed, inOrder, isChanged, isToMove, membersOf, relation, showsTheFirst } from "./model.js";
import { count, fileSize, howSure, placed } from "./words.js";

// acts: {focus, toggle, toggleAll, keep, compare}, each of (group, i); show(image, file): its thumbnail;
// roots: folders of the library; title(group).
export function fillGroup(section, group, acts) {
  const [kept, ...others] = inOrder(group).map((i, position) => card(group, i, position, acts));
  section.replaceChildren(heading(group, acts), make("div.files", {}, kept, make("ul.others", {}, ...others)));
  paintGroup(section, group);
}

function heading(group, acts) {
  const made = make("header.head", {}, make("h2", {}, acts.title(group)), make("span.sum"));
  if (group.kind === "similar") made.append(make("span.tag", {}, "look-alikes: other pictures, only to look at"));
  else made.append(button("", () => acts.toggleAll(group), { className: "all" }));
  return made;
}

function card(group, i, position, acts) {
  const file = group.files[i], isKept = i === group.keeper;
  // The second click of a double one would meet the card that comes there.
  const made = make(isKept ? "div.card.kept" : "li.card", { tabIndex: -1, role: isKept ? "group" : undefined },
    make("div.verdict", {}, choice(group, i, acts), make("span.number", {}, String(position + 1))),
    frame(group, i, acts),
    make("p.what", {}, isKept ? keptBecause(group) : wordsFor(group, i)),
    ...remarks(group, i),
    make("p.facts", {}, ...facts(file, group.files[group.keeper], isKept)),
    make("p.path", {}, make("span.name", {}, file.name), folderOf(file, acts.roots)),
    file.beside.length > 0 ? make("p.beside", {}, `with ${file.beside.join(", ")}`) : null,
    isKept || group.kind === "similar" ? null : button("Keep this one", ({ detail }) => detail > 1 || acts.keep(group, i), { className: "keep" }),
  );
  made.dataset.file = String(i);
  made.addEventListener("focusin", () => acts.focus(group, i));
  return made;
}

// Lines break after slashes.
function folderOf(file, roots) {
  const pieces = placed(file.folder, roots).split(/(?<=\/)/).flatMap((piece) => [piece, make("wbr")]);
  return make("span.folder", { title: file.folder }, ...pieces);
}

function frame(group, i, acts) {
  const file = group.files[i], image = make("img", { alt: "", decoding: "async" });
  const shown = make("div.picture", {}, image);
  shown.style.setProperty("--shape", String(file.width / file.height));
  acts.show(image, file);
  addBoxes(shown, boxesOf(group, i));
  if (i === group.keeper) return make("div.frame", {}, shown);
  return button(shown, () => acts.compare(group, i),
    { className: "frame", "aria-label": `Compare ${file.name} with the kept one`, title: "Compare" });
}

export function addBoxes(to, boxes) {
  for (const [x, y, width, height] of boxes) {
    const box = make("span.box");
    const place = { left: x, top: y, width, height };
    for (const [side, share] of Object.entries(place)) box.style.setProperty(side, `${100 * share}%`);
    to.append(box);
  }
}

export function keptBecause(group) {
  if (group.kind === "similar") return "first of these look-alikes";
  return `why: ${group.keeper === 0 ? group.reason || "first of its group" : "you chose it"}`;
}

export function wordsFor(group, i) {
  const { kind, words } = relation(group, i);
  return kind === "similar" ? `${group.files[i].score.toFixed(3)} alike` : words;
}

function choice(group, i, acts) {
  if (i === group.keeper) return make("span.state", {}, group.kind === "similar" ? "" : "kept");
  if (relation(group, i).lock) return make("span.state", {}, group.kind === "similar" ? "" : "must stay");
  return make("label.state", {}, make("input", { type: "checkbox", onchange: () => acts.toggle(group, i) }), make("span.word"));
}

function* remarks(group, i) {
  const file = group.files[i];
  if (i === group.keeper) {
    yield make("p.warning.loss");
    return;
  }
  if (group.kind === "similar") return;
  const { kind, lock, note } = relation(group, i);
  const sure = kind === "copy" && showsTheFirst(group) && file.score !== undefined ? howSure(file.score) : "";
  yield make("p.sure", {}, make("span.tag", {}, kind), sure);
  if (lock) yield make("p.lock", {}, lock);
  else if (note) yield make("p.note", {}, note);
}

// Of a file beside the kept one, what is the same is said softly, and what is more or less with a color.
function* facts(file, kept, isKept) {
  const area = ({ width, height }) => width * height;
  const parts = [
    [`${file.width}x${file.height}`, area(file) - area(kept), file.width === kept.width && file.height === kept.height],
    [file.format, 0, file.format === kept.format],
    [fileSize(file.bytes), 0, file.bytes === kept.bytes],
  ];
  for (const [text, more, isSame] of parts) {
    yield make("span", { className: isKept ? "" : isSame ? "same" : more < 0 ? "less" : more > 0 ? "more" : "" }, text);
  }
  yield make("time", { className: !isKept && file.date === kept.date ? "same" : "" }, file.date);
}

// --- what changes with the choices ---------------------------------------------------------------

export function paintGroup(section, group) {
  const members = membersOf(group), going = members.filter((i) => isToMove(group, i));
  const size = count(group.files.length, "file");
  const sum = group.kind === "similar" ? size
    : `${size} · ${going.length ? `${going.length} of ${members.length} to move · ${fileSize(bytesFreed(group))} can be freed` : "none to move"}`;
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
