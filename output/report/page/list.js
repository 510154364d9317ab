// The list of groups: which, in what order, and only those near the window as elements.

const sections = new Map(); // group -> its section, filled or not
let shownGroups = [];

function makeSections(acts) {
  for (const group of DATA.groups) {
    const section = make(`section.group.${group.kind}`, { "aria-label": `Group ${group.number + 1}` });
    section.dataset.group = String(group.number);
    section.fill = () => fillGroup(section, group, acts);
    sections.set(group, section);
  }
}

const near = new IntersectionObserver((entries) => {
  for (const { target, isIntersecting } of entries) {
    if (isIntersecting) fillSection(target);
    else if (!target.contains(document.activeElement)) emptySection(target);
  }
}, { rootMargin: "1200px 0px" });

function fillSection(section) {
  if (section.childElementCount) return;
  section.fill();
  section.style.removeProperty("min-height");
}

function emptySection(section) {
  if (!section.childElementCount) return;
  section.style.setProperty("min-height", `${section.offsetHeight}px`);
  section.replaceChildren();
}

function refill(group) {
  const section = sections.get(group);
  if (section.childElementCount) section.fill();
}

function repaint(group) {
  const section = sections.get(group);
  if (section.childElementCount) paintGroup(section, group);
}

// --- which, and in what order ------------------------------------------------------------------

const searched = new Map(); // group -> its paths in lower case, once somebody searches

function pathsOf(group) {
  if (!searched.has(group)) {
    const paths = group.files.map((file) => `${file.folder}/${file.name}`.toLowerCase());
    searched.set(group, paths.join("\n"));
  }
  return searched.get(group);
}

const WITH = {
  "": () => true,
  going: (group) => membersOf(group).some((i) => isToMove(group, i)),
  open: (group) => group.kind !== "similar" && membersOf(group).some((i) => !isToMove(group, i)),
  changed: isChanged,
};

function passes(group, { text, kind, state }) {
  if (kind && !membersOf(group).some((i) => relation(group, i).kind === kind)) return false;
  return WITH[state](group) && (!text || pathsOf(group).includes(text));
}

const leastSure = (group) => Math.min(...group.files.map((file) => file.score ?? 1));
const keptPath = (group) => `${group.files[group.keeper].folder}/${group.files[group.keeper].name}`;

// Look-alikes come last in every order but that of paths: they are another matter.
const ORDERS = {
  bytes: (a, b) => wastedBytes(b) - wastedBytes(a) || a.number - b.number,
  doubt: (a, b) =>
    (a.kind === "similar") - (b.kind === "similar") || leastSure(a) - leastSure(b) || a.number - b.number,
  path: (a, b) => (keptPath(a) < keptPath(b) ? -1 : 1),
};

function arrange(filter, order) {
  near.disconnect();
  shownGroups = DATA.groups.filter((group) => passes(group, filter)).sort(ORDERS[order]);
  const shown = shownGroups.map((group) => sections.get(group));
  for (const section of sections.values()) section.replaceChildren();
  estimateHeights();
  $("groups").replaceChildren(...shown);
  shown.slice(0, 3).forEach(fillSection);
  shown.forEach((section) => near.observe(section));
  $("nothing").hidden = shown.length > 0;
  $("nothing").textContent = DATA.groups.length ? "No group passes these filters." : "There are no copies.";
}

// What is not filled takes about the room that it will take, or the scroll bar lies.
const HEAD_PX = 70, CARD_PX = 380, GAP_PX = 12, CARD_WIDTH_PX = 190, NARROW_PX = 640;

function estimateHeights() {
  const width = $("groups").clientWidth, isNarrow = innerWidth < NARROW_PX;
  const room = isNarrow ? width : width - 270;
  const columns = Math.max(1, Math.floor((room + GAP_PX) / (CARD_WIDTH_PX + GAP_PX)));
  for (const [group, section] of sections) {
    if (section.childElementCount) continue;
    const rows = Math.ceil((group.files.length - 1) / columns) + (isNarrow ? 1 : 0);
    section.style.setProperty("min-height", `${HEAD_PX + rows * CARD_PX}px`);
  }
}
