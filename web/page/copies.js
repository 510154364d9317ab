// Copies: the list of groups, one of them with its files, and what becomes of them.

import { ask, original, preview, query, send, thumb } from "./api.js";
import { $, button, failed, isTyping, make, say, toast } from "./dom.js";
import { GroupList } from "./grouplist.js";
import { onLive } from "./live.js";
import { progress } from "./progress.js";
import { fillGroup, paintGroup } from "./review/cards.js";
import { Comparison } from "./review/compare.js";
import { choose, inOrder, isToMove, keep, membersOf, prepare, relation } from "./review/model.js";
import { go, here } from "./state.js";
import { count, figure, fileSize } from "./words.js";

const STATES = [
  ["", "All"], ["new", "Not yet looked at"], ["going", "With files to move"], ["safe", "Safe: nothing is lost"], ["loss", "Would lose something"],
  ["document", "Pages and screens"], ["looked", "Looked at"], ["skipped", "Skipped"], ["rejected", "Not copies"],
];
const ORDERS = [["", "Most bytes first"], ["doubt", "Least sure first"], ["date", "Newest first"], ["path", "By path"]];
const BROWSERS_SHOW = ["JPEG", "PNG", "WEBP", "AVIF"];
const KEPT_GROUPS = 60, PREVIEW = 1600;
const SMALL = "(max-width: 900px)";
const AWAY_MS = 90_000;

const KEYS = [
  ["j  k", "next group (this one was looked at), and back"], ["h  l", "from file to file"], ["Space", "move the file, or not; on the kept one: all others"],
  ["Enter  1 … 9", "keep this file, or the one of that number"], ["x  p  u", "move it, let it stay, as it was proposed"], ["n", "not copies: all of them stay"],
  ["s", "skip the group"], ["c", "compare with the kept one"], ["d", "show where they differ, or not"], ["f", "find photos like this one"],
  ["A", "review the plan"], ["Ctrl Z", "take the last step back; with Shift: do it again"], ["Esc", "close what is open, or back to the list"],
  ["t  ?", "light or dark, this help"], ["", "While comparing:"], ["1 … 6", "side by side, swap, slider, difference, fade, up to four on a table"],
  ["[  ]", "other files"], ["Space  a", "the other picture while held, blink"], ["z  +  -", "all or pixel by pixel, nearer, farther"],
];

export default class Copies {
  constructor(page) {
    this.help = KEYS;
    Object.assign(this, { page, smallUndoer: {}, groups: new Map(), steps: [], undone: [], paces: [], file: 0, shown: null, loading: 0, revision: 0, saving: Promise.resolve() });
    this.list = new GroupList((group) => go({ group, compare: null }));
    this.state = select("Which groups", STATES, (state) => go({ state, group: null }));
    this.order = select("Order", ORDERS, (order) => go({ order, group: null }, { replace: true }));
    this.text = make("input", { type: "search", placeholder: "Part of a path", "aria-label": "Find in paths", spellcheck: false,
      onchange: () => go({ text: this.text.value.trim(), group: null }) });
    this.chips = make("div.chips", { hidden: true });
    this.banner = make("div.banner", { hidden: true, role: "status" });
    this.nothing = make("div.nothing", { hidden: true });
    this.place = make("p.soft");
    const byFolder = button("By folder…", () => import("./many.js").then(({ showFolders }) => showFolders(this)).catch(failed), { className: "quiet" });
    this.section = make("section.group.copies", { "aria-label": "Group" });
    this.tools = make("div.actions.tools");
    this.one = make("div.one", {}, this.tools, this.section);
    this.sums = make("div.sums", { role: "status" });
    this.bar = make("div.actionbar", { role: "group", "aria-label": "What would be moved" }, this.sums,
      make("div.actions", {}, button("All shown…", () => this.askMany()), this.undoer = button("Undo", () => this.undo(), { key: "Ctrl Z", disabled: true }), this.redoer = button("Redo", () => this.redo(), { hidden: true }),
        button("Review plan", () => this.reviewPlan(), { main: true, key: "A" })));
    this.element = make("section.copiesview", { "aria-label": "Copies" },
      make("aside.side-list", { "aria-label": "Groups" }, make("div.filters", {}, this.state, this.order, this.text), this.chips, make("div.place", {}, this.place, byFolder), this.list.element),
      make("div.right", {}, this.banner, this.nothing, this.one), this.bar);
    this.acts = {
      focus: (_, i) => { this.file = i; },
      toggle: (group, i) => this.chose(group, () => choose(group, i, !isToMove(group, i)), i),
      toggleAll: (group) => this.toggleAll(group),
      keep: (group, i) => this.keepFile(group, i),
      compare: (_, i) => go({ compare: String(i) }),
      closed: (_, i) => { document.body.append($("toasts")); if (here().compare) go({ compare: null }); this.focusFile(i); },
      show: (image, file) => this.showThumb(image, file),
      larger: (file, pixels) => larger(file, pixels),
      title: () => this.titleOf(),
      get roots() { return page.roots; },
    };
    this.comparison = new Comparison(this.acts);
    document.body.append(this.comparison.element);
    this.comparison.element.addEventListener("keydown", (event) => this.comparisonKey(event));
    addEventListener("keydown", (event) => {
      if (here().view !== "copies" || !(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || isTyping(event.target)) return;
      event.preventDefault();
      event.shiftKey ? this.redo() : this.undo();
    });
    onLive("groups", () => this.reload());
    onLive("missed", () => this.reload());
    // What was done here is told, too, and may be told before it is answered.
    onLive("review", ({ revision }) => this.saving.then(() => revision > this.revision && this.reload()));
    onLive("job", (job) => this.heard(job));
  }

  // --- the list -----------------------------------------------------------------------------------------

  async show(at) {
    const wanted = JSON.stringify(filtersOf(at));
    this.state.lastChild.value = at.state ?? "";
    this.order.lastChild.value = at.order ?? "";
    this.text.value = at.text ?? "";
    this.paintChips(at);
    if (wanted !== this.wanted) {
      this.wanted = wanted;
      await this.load();
    }
    // Whoever went on while the list was loading is shown that place, not the one of before.
    if (here().view === "copies") await this.showGroup(here());
  }

  reload() {
    clearTimeout(this.soon);
    this.soon = setTimeout(() => {
      if (here().view !== "copies") return this.forget(), (this.wanted = null);
      this.groups.clear();
      this.load().then(() => this.showGroup(here())).catch(failed);
    }, 60);
  }

  async load() {
    const loading = (this.loading += 1), at = here();
    const page = (cursor) => ask(`groups?${query({ ...filtersOf(at), cursor, shown: at.group, n: cursor ? 500 : 100 })}`);
    const found = await page("").catch(failed);
    if (!found || loading !== this.loading) return;
    this.found = found.found;
    if (!found.found) return void this.showNothing(found.error || "Reading what is known of copies…", !found.error && "wait");
    this.paintSums(found.sums);
    this.list.show(found.groups, found.count);
    if (this.number !== found.found.number) await this.page.refresh().catch(() => null);
    this.number = found.found.number;
    this.place.textContent = `${count(found.count, "group")}${at.state || at.text || at.folder || at.change ? " shown" : ""}`;
    this.paintBanner();
    if (!found.count) return void this.showNothing(found.sums.groups ? "No group passes these filters." : "No copies are known.", found.sums.groups ? "filter" : "look");
    this.nothing.hidden = true;
    this.one.hidden = false;
    if (at.group && !found.has_shown && here().group === at.group) go({ group: null, compare: null }, { replace: true });
    this.more(page, found.cursor, loading);
  }

  // The rest of the list comes in while one looks at its beginning.
  async more(page, cursor, loading) {
    try {
      while (cursor && loading === this.loading) {
        const found = await page(cursor);
        if (loading === this.loading) this.list.add(found.groups);
        cursor = found.cursor;
      }
    } catch (error) {
      error.status === 409 ? this.reload() : failed(error);
    }
  }

  showNothing(words, kind) {
    this.nothing.hidden = false;
    this.one.hidden = true;
    this.list.show([], 0);
    this.place.textContent = "";
    this.nothing.replaceChildren(make("p", {}, words), kind === "look" ? this.lookButton("Look for copies")
      : kind === "filter" ? button("Show all groups", () => go({ view: "copies" }, { fresh: true })) : "");
  }

  lookButton(words) {
    return button(words, () => send("jobs", { kind: "dupes" }).catch(failed), { main: true });
  }

  paintBanner() {
    const { job, found, page: { status } } = this;
    const isOld = found && (!found.is_whole || (status.photos !== undefined && (status.photos !== found.photos || status.files !== found.files)));
    const away = found?.away ?? [];
    this.banner.hidden = !job && !isOld && !away.length;
    if (job) this.banner.replaceChildren(progress(job));
    else this.banner.replaceChildren(
      isOld ? make("p", {}, found.is_whole ? "The library has changed since these copies were found." : "Not all photos were compared yet.") : "",
      away.length ? make("p", {}, `Away: ${away.map(({ path }) => path).join(", ")}. Files there are shown as they were known, and are not moved.`) : "",
      isOld && (found.is_whole || status.can_write) ? this.lookButton(found.is_whole ? "Look again" : "Look for copies") : "");
  }

  heard(job) {
    if (job.kind !== "dupes") return;
    this.job = job.state === "running" && job;
    if (this.job) return this.one.hidden ? this.nothing.replaceChildren(progress(job)) : this.paintBanner();
    if (job.state === "failed") toast(job.words, { kind: "error", seconds: 12 });
    this.page.refresh?.().catch(() => null).then(() => this.reload());
  }

  paintChips(at) {
    const folder = this.folders?.find(({ id }) => id === at.folder);
    const chips = { folder: at.folder && `in ${folder ? folder.path : "a folder"}`, change: at.change, text: at.text && `“${at.text}”` };
    const shown = Object.entries(chips).filter(([, words]) => words);
    this.chips.hidden = !shown.length;
    this.chips.replaceChildren(...shown.map(([name, words]) =>
      make("span.chip", {}, make("span", {}, words), button("×", () => go({ [name]: null, group: null }), { "aria-label": `remove ${words}` }))));
  }

  paintSums(sums) {
    this.total = sums;
    const share = sums.groups ? (100 * sums.done) / sums.groups : 0;
    const bar = make("span.done");
    bar.style.width = `${share}%`;
    this.sums.replaceChildren(
      make(sums.going ? "strong" : "strong.none", {}, sums.going ? `${count(sums.going, "file")} to move` : "nothing to move"),
      make("span", {}, sums.going ? `${fileSize(sums.bytes)} can be freed` : ""),
      make("span.looked", { title: "groups that somebody looked at" }, make("span.track", { "aria-hidden": "true" }, bar), `${figure(sums.done)} of ${figure(sums.groups)} `,
        make("span.left", {}, timeLeft(this.paces, sums.groups - sums.done))));
    for (const option of this.state.lastChild.options) {
      option.textContent = `${STATES.find(([value]) => value === option.value)[1]} (${figure(sums.counts[option.value || "all"])})`;
    }
  }

  // --- one group ----------------------------------------------------------------------------------------

  async showGroup(at) {
    this.element.classList.toggle("has-group", Boolean(at.group));
    const key = at.group ?? (matchMedia(SMALL).matches ? null : this.list.rows[0]?.key);
    if (!key || !this.found) return;
    this.list.mark(key);
    let group;
    try {
      group = await this.group(key);
    } catch (error) {
      if (error.status === 404) return go({ group: null, compare: null }, { replace: true });
      return failed(error);
    }
    if (here().view !== "copies" || (here().group ?? key) !== key) return;
    if (this.shown !== group) {
      this.shown = group;
      this.fill(membersOf(group)[0] ?? 0);
      this.one.scrollTop = 0;
    } else this.section.querySelector("h2").textContent = this.titleOf();  // the list may be another one
    for (const step of [1, 2, -1]) {
      const near = this.list.beside(key, step);
      if (near) this.group(near.key).catch(() => null);
    }
    const { element } = this.comparison, i = Number(at.compare);
    if (at.compare && group.files[i]) {
      if (!element.open) this.comparison.open(group, i);
      else if (this.comparison.group !== group) this.comparison.fill(group, i); // the next one, or what another tab chose in it
    } else if (element.open) element.close();
  }

  group(key) {
    if (!this.groups.has(key)) {
      this.groups.set(key, ask(`groups/${key}`).then((row) => prepare(row, row.review), (error) => { this.groups.delete(key); throw error; }));
      for (const old of [...this.groups.keys()].slice(0, -KEPT_GROUPS)) this.groups.delete(old);
    }
    return this.groups.get(key);
  }

  fill(i) {
    const { shown } = this;
    fillGroup(this.section, shown, this.acts);
    this.paintTools();
    this.focusFile(i);
  }

  titleOf() {
    const place = this.list.places.get(this.shown.key);
    return place === undefined ? "Group" : `Group ${figure(place + 1)} of ${figure(this.list.count)}`;
  }

  paintTools() {
    const canWrite = this.page.status.can_write;
    this.tools.replaceChildren(
      button("‹ List", () => this.toList(), { className: "only-small" }),
      button("Back", () => this.step(-1), { key: "k" }), button("Looks right, next", () => this.step(1), { key: "j", main: true }),
      button("Compare", () => this.acts.compare(this.shown, this.file), { key: "c" }),
      button("Skip", () => this.skip(), { key: "s" }),
      button("Not copies", () => this.reject(), { key: "n", disabled: !canWrite, title: canWrite ? "remember that these are other pictures" : "start `lookalike serve --write`" }),
      this.smallUndoer = button("Undo", () => this.undo(), { className: "only-narrow" }));
    this.paintUndo();
  }

  showThumb(image, file) {
    image.addEventListener("error", () => image.closest(".picture")?.classList.add("missing"), { once: true });
    image.src = thumb(file.id);
  }

  focusFile(i) {
    this.file = i;
    const card = this.section.querySelector(`[data-file="${i}"]`);
    if (document.querySelector("dialog[open]")) return;
    card?.focus({ preventScroll: true });
    card?.scrollIntoView({ block: "nearest" });
  }

  toList() {
    go({ group: null, compare: null });
    this.list.focus();
  }

  // --- choosing -----------------------------------------------------------------------------------------

  chose(group, act, i) {
    act();
    paintGroup(this.section, group);
    const name = group.files[i].name;
    say(i === group.keeper ? `kept: ${name}` : `${name} ${isToMove(group, i) ? "to move" : "stays"}`);
    return this.keepChoice(group, "looked");
  }

  keepChoice(group, state) {
    const body = { keeper: group.keeper, chosen: Object.fromEntries(group.chosen), state };
    if ((group.state ?? group.review.state) === "new") this.paced();
    group.state = state;
    this.inTurn(() => send(`review/${group.key}`, body, { method: "PATCH" })).catch((error) => { failed(error); this.reload(); });
  }

  // How long one looks at a group, in this visit; who was away meanwhile did not look.
  paced() {
    const now = performance.now();
    if (this.pacedAt) this.paces.push(Math.min(now - this.pacedAt, AWAY_MS));
    this.pacedAt = now;
  }

  // One after the other: a later step must not be overtaken by an earlier one.
  inTurn(step, isNew = true) {
    const done = this.saving.then(step).then((answer) => this.took(answer, isNew));
    this.saving = done.catch(() => null);
    return done;
  }

  took(answer, isNew) {
    this.revision = answer.revision;
    if (answer.step && isNew) {
      this.steps.push(answer.step);
      this.undone = [];
    }
    this.paintUndo();
    this.list.replace(answer.groups);
    this.paintSums(answer.sums);
    return answer;
  }

  paintUndo() {
    this.undoer.disabled = this.smallUndoer.disabled = !this.steps.length;
    this.redoer.hidden = !this.undone.length;
  }

  toggleAll(group) {
    const free = membersOf(group).filter((i) => !relation(group, i).lock), wanted = !free.every((i) => isToMove(group, i));
    this.chose(group, () => free.forEach((i) => choose(group, i, wanted)), group.keeper);
  }

  keepFile(group, i) {
    if (i === undefined || i === group.keeper || !group.files[i]) return;
    this.chose(group, () => keep(group, i), i);
    fillGroup(this.section, group, this.acts);
    this.focusFile(i);
    const staying = membersOf(group).filter((n) => !isToMove(group, n)).length;
    if (staying) toast(count(staying, "other file stays until you choose: what it holds was not compared with this one", "other files stay until you choose: what they hold was not compared with this one"));
  }

  async step(by) {
    const group = this.shown, at = here();
    if (!group) return;
    if (by > 0 && (group.state ?? group.review.state) === "new") this.keepChoice(group, "looked");
    const next = this.list.beside(at.group ?? group.key, by);
    if (next) go({ group: next.key, compare: at.compare ? "1" : null }, { replace: Boolean(at.group) });
    else if (by > 0) toast("That was the last group of the list.", { action: { words: "Review plan", run: () => this.reviewPlan() } });
  }

  skip() {
    if (!this.shown) return;
    this.keepChoice(this.shown, "skipped");
    this.step(1);
  }

  async reject() {
    const group = this.shown;
    if (!group) return;
    if (!this.page.status.can_write) return toast("This page only shows: start it with `lookalike serve --write` to remember decisions.");
    try {
      const { step } = await this.inTurn(() => send("decisions", { kind: "rejected", groups: [group.key] }));
      group.state = "rejected";
      toast("Remembered: these are not copies. All of them stay.", { action: { words: "Undo", run: () => this.undo(step) } });
      if (this.shown === group && this.list.beside(group.key, 1)) this.step(1);
    } catch (error) {
      failed(error);
    }
  }

  undo(step) {
    return this.back("steps", "undone", "taken back", step);
  }

  redo() {
    return this.back("undone", "steps", "done again");
  }

  // Take the last step of one pile back, or that of this name; what does it again goes on the other pile.
  async back(from, to, words, step) {
    await this.saving; // of what was done last, which may be still on its way
    step ??= this[from].at(-1);
    if (!step) return toast(from === "steps" ? "There is nothing to take back." : "There is nothing to do again.");
    this[from] = this[from].filter((each) => each !== step);
    try {
      const answer = await this.inTurn(() => send(`review/steps/${step}`, undefined, { method: "DELETE" }), false);
      this[to].push(answer.step);
      this.paintUndo();
      this.forget();
      if (answer.changed > 1) await this.load();
      if (answer.groups.length === 1 && this.list.places.has(answer.groups[0].key)) go({ group: answer.groups[0].key }, { replace: true });
      await this.showGroup(here());
      say(words);
    } catch (error) {
      failed(error);
    }
  }

  forget() {
    this.groups.clear();
    this.shown = null;
  }

  askMany() {
    import("./many.js").then(({ askMany }) => askMany(this)).catch(failed);
  }

  reviewPlan() {
    import("./plan.js").then(({ reviewPlan }) => reviewPlan(this.page)).catch(failed);
  }

  // --- keys ---------------------------------------------------------------------------------------------

  stepFile(by) {
    const order = inOrder(this.shown), where = order.indexOf(this.file) + by;
    this.focusFile(order[Math.max(0, Math.min(order.length - 1, where))]);
  }

  toggleHere(wanted) {
    const { shown, file } = this;
    if (file === shown.keeper) return wanted === undefined && this.toggleAll(shown);
    const { lock, selected } = relation(shown, file);
    if (lock) return toast(`${shown.files[file].name} stays: ${lock}`);
    if (wanted === "undecided") return this.chose(shown, () => choose(shown, file, selected), file);
    return this.chose(shown, () => choose(shown, file, wanted ?? !isToMove(shown, file)), file);
  }

  key(event) {
    const { key, target } = event;
    if ((key === " " || key === "Enter") && target.closest("button, input, select")) return false;
    if (key === "A") return this.reviewPlan(), true;
    if (key === "Escape" && here().group && matchMedia(SMALL).matches) return this.toList(), true;
    if (!this.shown || this.one.hidden) return false;
    const keys = {
      j: () => this.step(1), k: () => this.step(-1), ArrowDown: () => this.step(1), ArrowUp: () => this.step(-1),
      l: () => this.stepFile(1), h: () => this.stepFile(-1), ArrowRight: () => this.stepFile(1), ArrowLeft: () => this.stepFile(-1),
      " ": () => this.toggleHere(), x: () => this.toggleHere(true), p: () => this.toggleHere(false), u: () => this.toggleHere("undecided"),
      Enter: () => this.keepFile(this.shown, this.file), n: () => this.reject(), s: () => this.skip(),
      c: () => this.acts.compare(this.shown, this.file), b: () => this.acts.compare(this.shown, this.file),
      d: () => document.body.classList.toggle("no-boxes"), e: () => this.reviewPlan(), f: () => go({ view: null, group: null, like: String(this.shown.files[this.file].id) }),
    };
    if (/^[1-9]$/.test(key)) this.keepFile(this.shown, inOrder(this.shown)[Number(key) - 1]);
    else if (keys[key]) keys[key]();
    else return false;
    return true;
  }

  comparisonKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if ("nsjkd".includes(event.key) ? !this.key(event) : !this.comparison.key(event)) return;
    event.preventDefault();
    event.stopPropagation();
  }
}

// About how long the rest takes; "" before that can be known.
function timeLeft(paces, groups) {
  if (paces.length < 5 || !groups) return "";
  const recent = paces.slice(-40), minutes = (groups * recent.reduce((sum, each) => sum + each, 0)) / recent.length / 60_000;
  return minutes < 1 ? "· less than a minute left" : `· about ${minutes < 90 ? `${Math.round(minutes)} min` : `${Math.round(minutes / 60)} h`} left`;
}

function filtersOf({ state, order, folder, change, text }) {
  return { state, order, folder, change, text };
}

function select(words, options, changed) {
  const made = make("select", { "aria-label": words, onchange: () => changed(made.value) },
    ...options.map(([value, name]) => make("option", { value }, name)));
  return make("label.select", {}, made);
}

// A picture of at least so many pixels, as far as there is one: what the server makes, or the file itself.
function larger(file, pixels) {
  const side = Math.max(file.width, file.height);
  if (pixels <= 256) return null;
  if (pixels <= PREVIEW || side <= PREVIEW) return { pixels: Math.min(side, PREVIEW), url: preview(file.id, PREVIEW) };
  if (BROWSERS_SHOW.includes(file.format)) return { pixels: side, url: original(file.id) };
  return { pixels: Math.min(side, 4096), url: preview(file.id, 4096) };
}
