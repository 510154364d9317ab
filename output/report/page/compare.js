// The kept picture and another one, laid one on the other and flipped: what differs jumps out.

const BLINK_MS = 700;
const compareView = { group: null, file: 0, isFlipped: false, timer: 0 };

const prefersStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;

function openCompare(group, i) {
  if (i === group.keeper) i = membersOf(group)[0];
  if (i === undefined) return;
  Object.assign(compareView, { group, file: i, isFlipped: true });
  $("compare").showModal();
  fillCompare();
  blink(!prefersStill());
}

function closeCompare() {
  blink(false);
  if ($("compare").open) $("compare").close();
}

function fillCompare() {
  const { group, file } = compareView, other = group.files[file];
  $("compare-title").textContent = other.name;
  const words = wordsFor(group, file);
  $("compare-what").textContent = mapToKept(group, file) ? words : `${words}; not aligned: no map is known`;
  const kept = layer(group, group.keeper, "kept"), above = layer(group, file, "other");
  $("stage").replaceChildren(kept, above);
  const images = [...$("stage").querySelectorAll("img")];
  Promise.all(images.map((image) => image.decode().catch(() => null))).then(layOut);
  paintCompare();
}

function layer(group, i, role) {
  const image = make("img");
  image.alt = "";
  showThumb(image, group.files[i].content);
  const made = make("div", `layer ${role}`, image);
  addBoxes(made, boxesOf(group, i));
  return made;
}

// Thumbnails are 256 pixels and less; the maps between them are in their pixels.
function layOut() {
  const [kept, other] = $("stage").children;
  if (!other) return;
  const size = (element) => [element.firstChild.naturalWidth || 256, element.firstChild.naturalHeight || 192];
  const [width, height] = size(kept), [otherWidth, otherHeight] = size(other);
  const zoom = Math.max(0.5, Math.min((innerWidth - 48) / width, (innerHeight - 260) / height, 4));
  const map = mapToKept(compareView.group, compareView.file)
    ?? [width / otherWidth, 0, 0, 0, height / otherHeight, 0, 0, 0, 1];
  const zoomed = times([zoom, 0, 0, 0, zoom, 0, 0, 0, 1], map);
  for (const [name, length] of [["width", width * zoom], ["height", height * zoom]]) {
    $("stage").style.setProperty(name, `${length}px`);
  }
  place(kept, width, height, [zoom, 0, 0, 0, zoom, 0, 0, 0, 1]);
  place(other, otherWidth, otherHeight, zoomed);
}

function place(element, width, height, [a, b, c, d, e, f, g, h, i]) {
  element.style.setProperty("width", `${width}px`);
  element.style.setProperty("height", `${height}px`);
  element.style.setProperty("transform", `matrix3d(${[a, d, 0, g, b, e, 0, h, 0, 0, 1, 0, c, f, 0, i]})`);
}

function flip() {
  compareView.isFlipped = !compareView.isFlipped;
  paintCompare();
}

function blink(wanted) {
  clearInterval(compareView.timer);
  compareView.timer = wanted ? setInterval(flip, BLINK_MS) : 0;
  $("blink").setAttribute("aria-pressed", String(wanted));
}

function paintCompare() {
  const { group, file, isFlipped } = compareView, shown = group.files[isFlipped ? file : group.keeper];
  $("stage").classList.toggle("flipped", isFlipped);
  const role = isFlipped ? `this one (${isToMove(group, file) ? "to move" : "stays"})` : "the kept one";
  $("which").textContent = `${role}: ${shown.width}x${shown.height}, ${shown.format}, ${fileSize(shown.bytes)}`;
  const { lock } = relation(group, file);
  $("toggle-this").textContent = lock ?? (isToMove(group, file) ? "To move: keep it" : "Stays: move it");
  $("toggle-this").disabled = Boolean(lock);
}
