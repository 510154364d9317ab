// Keys, buttons, and what they do to the choices.

const at = { group: null, file: 0 };

const acts = {
  focus(group, i) {
    if (at.group !== group) markCurrent(group);
    Object.assign(at, { group, file: i });
    showPlace();
  },
  toggle(group, i) {
    choose(group, i, !isToMove(group, i));
    changed(group, i);
  },
  toggleAll(group) {
    const free = membersOf(group).filter((i) => !relation(group, i).lock);
    const wanted = !free.every((i) => isToMove(group, i));
    free.forEach((i) => choose(group, i, wanted));
    changed(group, group.keeper);
  },
  keep(group, i) {
    if (i === undefined || i === group.keeper || !group.files[i]) return;
    if (group.kind === "similar") return warn("look-alikes are other pictures: all of them stay");
    keep(group, i);
    refill(group);
    changed(group, i);
    focusFile(group, i);
    const staying = membersOf(group).filter((n) => !isToMove(group, n)).length;
    const others = count(staying, "other stays", "others stay");
    if (staying) warn(`${others} until you choose: not proven beside this file, or not safe unseen`);
  },
  compare: (group, i) => comparison.open(group, i),
  closed: focusFile,
  show: (image, file) => showThumb(image, file.content),
  roots: DATA.roots,
  title: (group) => `Group ${group.number + 1}`,
};

const comparison = new Comparison(acts, { mode: "swap" });

function changed(group, i) {
  repaint(group);
  showTotals();
  $("no-memory").hidden = remember();
  const name = group.files[i].name;
  say(i === group.keeper ? `kept: ${name}` : `${name} ${isToMove(group, i) ? "to move" : "stays"}`);
}

// --- where one is -----------------------------------------------------------------------------

function markCurrent(group) {
  if (at.group) sections.get(at.group).classList.remove("current");
  sections.get(group).classList.add("current");
}

function focusFile(group, i) {
  const section = sections.get(group);
  fillSection(section);
  const element = section.querySelector(`[data-file="${i}"]`);
  element?.focus({ preventScroll: true });
  acts.focus(group, i);
  element?.scrollIntoView({ block: "nearest" });
}

function goToGroup(step) {
  const where = shownGroups.indexOf(at.group);
  const group = shownGroups[Math.max(0, Math.min(shownGroups.length - 1, where + step))];
  if (!group) return;
  const section = sections.get(group);
  fillSection(section);
  section.scrollIntoView({ block: "start" });
  const first = group.kind === "similar" ? group.keeper : membersOf(group)[0] ?? group.keeper;
  const element = section.querySelector(`[data-file="${first}"]`);
  element?.focus({ preventScroll: true });
  acts.focus(group, first);
}

function goToFile(step) {
  if (!at.group) return goToGroup(1);
  const order = inOrder(at.group), where = order.indexOf(at.file) + step;
  focusFile(at.group, order[Math.max(0, Math.min(order.length - 1, where))]);
}

function showPlace() {
  const where = shownGroups.indexOf(at.group);
  const groups = count(shownGroups.length, "group", "groups");
  $("place").textContent = where < 0 ? `${groups} shown` : `${figure(where + 1)} of ${groups}`;
}

// --- what is said -----------------------------------------------------------------------------

function showTotals() {
  const sum = totals();
  $("going").textContent = count(sum.going, "file to move", "files to move");
  const copies = `${count(sum.copies, "copy", "copies")}, ${fileSize(sum.wasted)}`;
  $("winning").textContent = `of ${copies} · ${fileSize(sum.bytes)} can be freed`;
}

function showAbout() {
  const groups = DATA.groups.filter((group) => group.kind !== "similar").length;
  $("title").textContent = `${count(groups, "group of copies", "groups of copies")} to review`;
  const { count: wrong, high } = DATA.wrong;
  const expected = wrong < 0.05 ? "almost no" : `about ${wrong.toFixed(1)}`;
  const doubt = DATA.pairs > 0
    ? ` ${count(DATA.pairs, "proven pair", "proven pairs")}; ${expected} false matches expected, very likely `
      + (high > 0 ? `no more than ${high}.` : "none.") : "";
  $("about").textContent = `${DATA.roots.join(", ")} · made ${DATA.created} UTC. In each group one file is kept; `
    + `those marked “to move” would be moved. Nothing on your disk changes here.${doubt}`;
}

function say(text) {
  $("status").textContent = text;
}

let toastTimer = 0;

function warn(text) {
  clearTimeout(toastTimer);
  $("toast").textContent = text;
  $("toast").hidden = false;
  toastTimer = setTimeout(() => { $("toast").hidden = true; }, 5000);
}

// --- keys -------------------------------------------------------------------------------------

function toggleHere() {
  if (!at.group) return;
  if (at.file === at.group.keeper && at.group.kind !== "similar") return acts.toggleAll(at.group);
  const { lock } = relation(at.group, at.file);
  if (lock) return warn(`${at.group.files[at.file].name} stays: ${lock}`);
  acts.toggle(at.group, at.file);
}

const KEYS = {
  j: () => goToGroup(1),
  k: () => goToGroup(-1),
  l: () => goToFile(1),
  h: () => goToFile(-1),
  ArrowRight: () => goToFile(1),
  ArrowLeft: () => goToFile(-1),
  " ": toggleHere,
  Enter: () => at.group && acts.keep(at.group, at.file),
  b: () => at.group && acts.compare(at.group, at.file),
  d: toggleBoxes,
  e: exportPlan,
  "/": () => $("find").focus(),
  "?": () => $("help").showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target, isText = target.matches("input:not([type=checkbox]), select");
  if (isText) return event.key === "Escape" ? target.blur() : undefined;
  if ($("help").open) return event.key === "?" ? (event.preventDefault(), $("help").close()) : undefined;
  if (comparison.element.open) {
    if (event.key === "d" ? (toggleBoxes(), true) : comparison.key(event)) event.preventDefault();
    return undefined;
  }
  // Boxes and buttons know their own keys.
  if (event.key === " " && target.matches("button, input")) return;
  if (event.key === "Enter" && target.matches("button")) return;
  const act = KEYS[event.key] ?? (/^[1-9]$/.test(event.key) ? () => keepNumber(event.key) : null);
  if (!act) return;
  event.preventDefault();
  act();
}

function keepNumber(digit) {
  if (at.group) acts.keep(at.group, inOrder(at.group)[Number(digit) - 1]);
}

function toggleBoxes() {
  const isShown = document.body.classList.toggle("no-boxes") === false;
  $("show-differences").setAttribute("aria-pressed", String(isShown));
}

function exportPlan() {
  const link = make("a"), sum = totals();
  const files = count(sum.going, "file to move", "files to move"), groups = count(sum.groups, "group", "groups");
  link.href = URL.createObjectURL(new Blob([planText()], { type: "application/json" }));
  link.download = "plan.json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  warn(`plan.json: ${files} in ${groups}, ${fileSize(sum.bytes)} can be freed. Nothing was changed.`);
}

function resetAll() {
  const many = DATA.groups.filter(isChanged);
  if (!many.length || !confirm(`Undo your changes in ${count(many.length, "group", "groups")}?`)) return;
  many.forEach((group) => { keep(group, 0); refill(group); });
  showTotals();
  remember();
}

function filter() {
  const wanted = { text: $("find").value.trim().toLowerCase(), kind: $("class").value, state: $("with").value };
  arrange(wanted, $("order").value);
  if (!shownGroups.includes(at.group)) at.group = null;
  showPlace();
}

// --- the beginning ----------------------------------------------------------------------------

function start() {
  document.body.append(comparison.element);
  recall();
  $("no-memory").hidden = remember();
  makeSections(acts);
  showAbout();
  showTotals();
  filter();
  for (const id of ["find", "class", "with", "order"]) $(id).addEventListener("input", filter);
  $("filters").addEventListener("submit", (event) => event.preventDefault());
  const clicks = {
    "show-differences": toggleBoxes, "show-help": () => $("help").showModal(), "close-help": () => $("help").close(),
    export: exportPlan, reset: resetAll,
  };
  for (const [id, act] of Object.entries(clicks)) $(id).addEventListener("click", act);
  addEventListener("keydown", onKey);
  new ResizeObserver(([{ target }]) =>
    document.documentElement.style.setProperty("--bar", `${target.offsetHeight}px`)).observe($("bar"));
  addEventListener("resize", estimateHeights);
  const arrivals = setInterval(showAwaited, 100);
  addEventListener("DOMContentLoaded", () => { clearInterval(arrivals); showAwaited(); });
}

start();
