// The photos: all of them by date, those that pass a filter, or those that a search found.

import { ask, bytes, handIn, picture, posting, preview, query, send, thumb } from "./api.js";
import { button, failed, make, say } from "./dom.js";
import { Grid } from "./grid.js";
import { go, here, readExamples, writeExamples } from "./state.js";
import { base, count, figure, fileSize, placed } from "./words.js";

const FILTERS = ["where", "folder", "camera", "since", "until", "keyword", "person", "rating", "words"];
export const filtersOf = (at) => Object.fromEntries(FILTERS.map((name) => [name, at[name] ?? ""]));

export class Photos {
  constructor(openPhoto) {
    this.openPhoto = openPhoto;
    this.facets = make("aside.facets", { "aria-label": "Filters" });
    this.chips = make("div.chips", { role: "group", "aria-label": "What is searched for" });
    this.sum = make("p.sum", { role: "status" });
    this.news = button("The library changed: show it", () => this.again(), { className: "quiet", hidden: true });
    this.grid = new Grid({
      label: "Photos",
      load: (from, n) => this.load(from, n),
      open: (position, photo) => openPhoto(photo.id, position),
      changed: (selected) => this.paintActions(selected),
    });
    this.grid.onMonth = (heading) => this.paintScrubber(heading);
    this.grid.decorate = (cell, photo) => this.decorate(cell, photo);
    this.scrubber = make("div.scrubber", { "aria-hidden": "true" });
    this.actions = make("div.actions", { hidden: true, role: "group", "aria-label": "Selected photos" });
    this.nothing = make("div.nothing", { hidden: true });
    this.element = make("section.photos", {}, this.facets,
      make("div.middle", {}, make("div.above", {}, this.sum, this.news, this.sizes()), this.chips,
        make("div.field", {}, this.grid.element, this.scrubber, this.nothing), this.actions));
    this.scrubber.addEventListener("pointerdown", (event) => this.scrub(event));
    this.shown = "";
  }

  sizes() {
    const by = (factor) => () => this.grid.resize(this.grid.target * factor);
    return make("div.sizes", { role: "group", "aria-label": "Size of the pictures" },
      button("−", by(1 / 1.25), { "aria-label": "smaller", title: "smaller (-)" }),
      button("+", by(1.25), { "aria-label": "larger", title: "larger (+)" }),
      button("☰", () => this.facets.classList.toggle("open"), { "aria-label": "Filters", className: "only-small" }));
  }

  // The library is another one now: shown at once where nobody is at work here, else when one asks for it.
  changed(revision) {
    const { grid } = this, { view, photo } = here();
    this.next = revision;
    this.news.hidden = false;
    const isAtWork = view || photo || this.results || grid.selected.size || grid.virtualTop > 10 || grid.element.contains(document.activeElement);
    if (!isAtWork) this.again();
  }

  again() {
    this.shown = "";
    return this.show(here());
  }

  // What the address asks for: a search if it names examples or labels, else a set.
  async show(at) {
    const wanted = JSON.stringify([filtersOf(at), at.sort, at.like, at.box, at.label]);
    if (wanted === this.shown) return;
    this.shown = wanted;
    this.revision = this.next;
    this.news.hidden = true;
    this.asking?.abort();
    const asking = (this.asking = new AbortController());
    this.element.classList.add("waiting");
    this.paintChips(at);
    try {
      if (at.like || at.label) await this.find(at, asking.signal);
      else await this.list(at, asking.signal);
      if (!this.facetsOf || this.facetsOf !== JSON.stringify([filtersOf(at), this.revision])) await this.loadFacets(at, asking.signal);
      this.paintChips(at);  // folders have names now
    } catch (error) {
      if (error.name === "AbortError") return;
      this.shown = "";
      failed(error);
      if (error.isLasting) return;
      this.sum.textContent = "";
      this.showNothing(true, "Nothing was found.");
    } finally {
      if (this.asking === asking) this.element.classList.remove("waiting");
    }
  }

  async list(at, signal) {
    const found = await ask(`sets?${query({ ...filtersOf(at), sort: at.sort })}`, { signal });
    const aspects = await bytes(`sets/${found.set}/aspects`, { signal });
    this.set = found.set;
    this.of = found.revision;
    this.results = null;
    this.grid.show(aspects, found.months);
    this.paintScrubber(null, true);
    this.sum.textContent = count(found.count, "photo");
    if (!found.count) await this.showWays(at);
    else this.showNothing(false);
    if (at.at) this.grid.focus(Number(at.at));
  }

  async load(from, n) {
    if (this.results) return this.results.slice(from, from + n);
    try {
      return (await ask(`sets/${this.set}/photos?from=${from}&n=${n}`)).photos;
    } catch (error) {
      if (error.code === "Gone") this.again();  // asked for so long ago that the server forgot it
      throw error;
    }
  }

  async find(at, signal) {
    const [x, y, width, height] = (at.box ?? "").split(",").map(Number);
    const asked = {
      ...filtersOf(at), k: 200, with_labels: false,
      examples: readExamples(at.like),
      labels: at.label ? at.label.split(",") : [],
      ...(at.box ? { box: { x, y, width, height } } : {}),
    };
    this.asked = asked;
    const started = performance.now();
    const found = await send("search", asked, { signal });
    const took = (performance.now() - started) / 1000;
    this.results = found.results;
    this.of = "";
    this.grid.show(Uint8Array.from(found.results, aspectOf), [], found.results);
    this.paintScrubber(null, true);
    this.sum.textContent = `${count(found.results.length, "photo")} ${at.label ? "that likely show it" : "like it"}, best first · ${took.toFixed(2)} s`;
    this.showNothing(found.results.length === 0, "Nothing like it passes these filters.");
    say(this.sum.textContent);
  }

  decorate(cell, photo) {
    cell.querySelectorAll(".score, .badge, .part, .raw").forEach((each) => each.remove());
    if (photo.format === "RAW") cell.append(make("span.raw", { "aria-hidden": "true" }, "RAW"));
    if (!this.results) return;
    const score = photo.score === null ? null : make("span.score", { "aria-hidden": "true" }, photo.score.toFixed(2));
    const more = photo.copies - 1 + photo.proven_copies;
    const badge = more > 0 ? make("span.badge", { title: count(more, "copy", "copies") }, `+${more}`) : null;
    cell.append(...[score, badge].filter(Boolean));
    if (photo.box) {
      const part = make("span.part");
      const { x, y, width, height } = photo.box;
      Object.assign(part.style, {
        left: `${(100 * x) / photo.width}%`, top: `${(100 * y) / photo.height}%`,
        width: `${(100 * width) / photo.width}%`, height: `${(100 * height) / photo.height}%`,
      });
      cell.append(part);
    }
  }

  // Where no photo is: a library that is empty, or words that are no label, but like some.
  async showWays(at) {
    if (!Object.values(filtersOf(at)).some(Boolean)) return this.showNothing(true, "There are no photos yet.", [button("Add a folder", () => go({ view: "activity" }, { fresh: true }), { main: true })]);
    const { near = [] } = at.words ? await ask(`labels/${encodeURIComponent(at.words)}`).catch(() => ({})) : {};
    return near.length ? this.showNothing(true, `No photo says “${at.words}”, nor is that a word for what photos show. These are:`, near.map((label) => button(label, () => go({ words: null, label }))))
      : this.showNothing(true, "No photo passes these filters.");
  }

  showNothing(isEmpty, words, ways = [button("Show all photos", () => go({}, { fresh: true }))]) {
    this.nothing.hidden = !isEmpty;
    this.grid.element.hidden = isEmpty;
    if (isEmpty) this.nothing.replaceChildren(make("p", {}, words), ...ways);
  }

  // --- the filters ------------------------------------------------------------------------------------

  async loadFacets(at, signal) {
    const found = await ask(`facets?${query(filtersOf(at))}`, { signal });
    this.facetsOf = JSON.stringify([filtersOf(at), this.revision]);
    this.facetRows = found;
    const rows = (name, found, words, isMany) => found.map((row) => ({ ...row, name: words?.(row.name) ?? row.name, ...pick(at, name, row.id ?? row.name, isMany) }));
    const year = (at.since ?? "").slice(0, 4) === (at.until ?? "").slice(0, 4) ? at.since ?? "" : "";
    this.facets.replaceChildren(
      facet("Folders", rows("folder", nearFolders(found.folders, at.folder))),
      facet("Years", found.years.map((row) => ({
        ...row, isOn: year === row.name,
        go: () => go(year === row.name ? { since: null, until: null } : { since: row.name, until: row.name }),
      })).filter((row) => row.name)),
      this.labelFacet(at),
      facet("Cameras", rows("camera", found.cameras)),
      facet("Ratings", rows("rating", found.ratings, stars)),
      facet("People", rows("person", found.people, null, true)),
      facet("Keywords", rows("keyword", found.keywords, null, true)),
    );
  }

  // What photos show takes a moment in a large library: it is counted when somebody opens it.
  labelFacet(at) {
    const box = make("details", { open: this.labelsOpen, ontoggle: () => this.openLabels(box, at) }, make("summary", {}, "What they show"));
    return box;
  }

  async openLabels(box, at) {
    this.labelsOpen = box.open;
    if (!box.open || box.children.length > 1) return;
    try {
      const { labels } = await ask(`labels?${query(filtersOf(at))}`);
      const rows = labels.slice(0, 60).map((row) => ({
        ...row, ...pick(at, "label", row.name),
      }));
      box.append(rows.length ? facet("", rows).lastChild : make("p.quiet", {}, "No labels."));
    } catch (error) {
      box.append(make("p.quiet", {}, error.message));
    }
  }

  async saveSheet() {
    try {
      const { url } = await picture("search/sheet", posting({ ...this.asked, k: 60 }));
      make("a", { href: url, download: "found.jpg" }).click();
      setTimeout(() => URL.revokeObjectURL(url), 10000);
    } catch (error) {
      failed(error);
    }
  }

  paintChips(at) {
    const chips = readExamples(at.like).map((example, i, all) => this.exampleChip(example, i, all, at));
    const filter = (name, words, extra = {}) => chip(words, () => go({ [name]: null, ...extra }));
    const folderRow = this.facetRows?.folders.find((row) => row.id === at.folder);
    if (at.label) {
      chips.push(filter("label", `shows ${at.label}`),
        button(`Find the word “${at.label}” instead`, () => go({ label: null, words: at.label }), { className: "quiet" }));
    }
    if (at.words) chips.push(filter("words", `“${at.words}”`));
    if (at.where) chips.push(filter("where", at.where));
    if (at.folder) chips.push(filter("folder", `in ${folderRow ? nameOf(folderRow, this.facetRows.folders) : "a folder"}`));
    if (at.rating) chips.push(filter("rating", stars(at.rating)));
    for (const name of ["camera", "person", "keyword"]) {
      chips.push(...lines(at[name]).map((each) => chip(each, pick(at, name, each, true).go)));
    }
    if (at.since || at.until) {
      chips.push(filter("since", at.since === at.until ? at.since : `${at.since ?? ""} to ${at.until ?? ""}`, { until: null }));
    }
    if (at.like || at.label) chips.push(button("Save a sheet", () => this.saveSheet(), { className: "quiet" }));
    if (chips.length > 2) chips.push(button("Clear all", () => go({}, { fresh: true }), { className: "quiet" }));
    this.chips.replaceChildren(...chips);
    this.chips.hidden = !chips.length;
  }

  exampleChip(example, i, all, at) {
    const change = (next) => go({ like: writeExamples(next), box: next.length === 1 ? at.box : null });
    const others = all.filter((_, n) => n !== i);
    const name = example.upload ? "dropped picture" : `photo ${example.id}`;
    const source = example.upload ? `/api/uploads/${example.upload}/preview` : thumb(example.id);
    const flip = button(example.sign > 0 ? "like" : "not like",
      () => change(all.map((each, n) => (n === i ? { ...each, sign: -each.sign } : each))),
      { "aria-label": `${name}: ${example.sign > 0 ? "wanted" : "not wanted"}; change`, disabled: all.length === 1 });
    const cut = all.length === 1 && example.sign > 0
      ? button(at.box ? "Part" : "Part…", () => this.openBox(example), { title: "search by a part of it (b)" }) : null;
    return make(`span.chip.example${example.sign < 0 ? ".minus" : ""}`, {},
      make("img", { src: source, alt: name, width: 40, height: 40 }), flip, cut,
      at.box && all.length === 1 ? button("Whole", () => go({ box: null })) : null,
      button("×", () => change(others), { "aria-label": `remove ${name}` }));
  }

  openBox(example) {
    const source = example.upload ? `/api/uploads/${example.upload}/preview` : preview(example.id);
    import("./box.js").then(({ chooseBox }) => chooseBox(source, here().box, (box) => go({ box })));
  }

  // --- what is selected ---------------------------------------------------------------------------------

  paintActions(selected) {
    this.actions.hidden = !selected.size;
    if (!selected.size) return;
    const photos = [...selected.values()];
    const like = (sign) => () => {
      const added = photos.slice(0, 32).map(({ id }) => ({ id, sign, weight: 1 }));
      const before = readExamples(here().like).filter((each) => !added.some(({ id }) => id === each.id));
      go({ like: writeExamples([...before, ...added]), box: null, photo: null });
    };
    const bytesOf = photos.reduce((sum, each) => sum + each.bytes, 0);
    this.actions.replaceChildren(
      make("strong", {}, `${figure(selected.size)} selected`), make("span", {}, fileSize(bytesOf)),
      button("Find photos like these", like(1), { main: true }),
      here().like ? button("Not like these", like(-1)) : "",
      button("Clear", () => this.grid.unselect(), { key: "Esc" }));
    say(`${selected.size} selected`);
  }

  // --- the years beside the photos -------------------------------------------------------------------

  paintScrubber(heading, isNew = false) {
    const { headings, total } = this.grid.lay ?? { headings: [], total: 1 };
    this.scrubber.hidden = headings.length < 3;
    if (isNew) {
      let before = "", last = -1;
      const height = this.scrubber.clientHeight || 600;
      const ticks = headings.filter(({ name }) => name.slice(0, 4) !== before && (before = name.slice(0, 4)))
        .map(({ name, top }) => ({ name: name.slice(0, 4), place: top / total }))
        .filter(({ place }) => (place - last) * height > 18 && ((last = place), true));
      this.scrubber.replaceChildren(...ticks.map(({ name, place }) => {
        const tick = make("span.tick", {}, name);
        tick.style.top = `${100 * place}%`;
        return tick;
      }), (this.mark = make("span.mark")));
    }
    if (heading && this.mark) this.mark.style.top = `${(100 * this.grid.virtualTop) / Math.max(1, total)}%`;
  }

  scrub(event) {
    const to = ({ clientY }) => {
      const { top, height } = this.scrubber.getBoundingClientRect();
      this.grid.goTo(((clientY - top) / height) * this.grid.lay.total);
    };
    to(event);
    this.scrubber.setPointerCapture(event.pointerId);
    this.scrubber.onpointermove = to;
    this.scrubber.onpointerup = () => (this.scrubber.onpointermove = null);
    event.preventDefault();
  }

  // "2019-07": the first photo of that month, or of the nearest one.
  goToMonth(wanted) {
    const { headings } = this.grid.lay;
    const found = headings.find(({ name }) => name <= wanted) ?? headings.at(-1);
    if (found) this.grid.focus(found.first);
  }

  key(event) {
    const like = (sign) => {
      const photo = this.grid.photo(this.grid.at);
      if (!photo) return;
      const rest = readExamples(here().like).filter(({ id }) => id !== photo.id);
      go({ like: writeExamples([...rest, { id: photo.id, sign, weight: 1 }]), box: null });
    };
    const examples = readExamples(here().like);
    const keys = {
      "+": () => this.grid.resize(this.grid.target * 1.25), "-": () => this.grid.resize(this.grid.target / 1.25),
      m: () => like(1), w: () => examples.length && like(-1),
      f: () => { const photo = this.grid.photo(this.grid.at); if (photo) go({ like: String(photo.id), box: null }); },
      b: () => examples.length === 1 && this.openBox(examples[0]),
      g: () => this.askMonth(),
    };
    if (!keys[event.key]) {
      if (event.target === document.body) this.grid.key(event);
      return false;
    }
    keys[event.key]();
    return true;
  }

  askMonth() {
    if (!this.grid.lay?.headings.length) return;
    const input = make("input", { type: "month", value: this.grid.lay.headings[0].name, required: true });
    const form = make("form", { method: "dialog" }, make("label", {}, "Go to the month ", input), make("button.main", { value: "go" }, "Go"));
    const dialog = make("dialog.small", { "aria-label": "Go to a month", onclose: () => {
      dialog.remove();
      if (dialog.returnValue === "go") this.goToMonth(input.value);  // now that the dialog gave the focus back
    } }, form);
    document.body.append(dialog);
    dialog.showModal();
  }
}

const aspectOf = ({ width, height }) => Math.max(0, Math.min(255, Math.round(Math.log2(width / height) * 32) + 128));

// The tree of folders: two floors, what lies in the chosen one, and the way to it.
function nearFolders(rows, chosen) {
  const path = rows.find((row) => row.id === chosen)?.path ?? "";
  const parent = (row) => row.path.slice(0, row.path.lastIndexOf("/"));
  return rows.filter((row) => row.depth < 2 || parent(row) === path || path === row.path || path.startsWith(`${parent(row)}/`))
    .map((row) => ({ ...row, name: nameOf(row, rows) }));
}

// Folders of the library that are called alike are told apart by what lies above them.
const nameOf = ({ path, depth }, rows) => base(depth ? path : "") || placed(path, rows.filter((row) => !row.depth).map((row) => row.path));

const lines = (text) => (text ? text.split("\n") : []);
const stars = (rating) => (rating === "rejected" ? rating : count(Number(rating), "star"));

// Whether a value of a filter is chosen, and what chooses it, or gives it back. isMany: beside others.
function pick(at, name, value, isMany) {
  const all = lines(at[name]), isOn = all.includes(value);
  const rest = isOn ? all.filter((each) => each !== value) : [...(isMany ? all : []), value];
  return { isOn, go: () => go({ [name]: rest.join("\n") }) };
}

function chip(words, remove) {
  return make("span.chip", {}, make("span", {}, words), button("×", remove, { "aria-label": `remove ${words}` }));
}

function facet(title, rows) {
  if (!rows.length) return "";
  const items = rows.map(({ name, path, count: n, depth = 0, isOn, go: pick }) => {
    const item = make("li", {}, button(make("span.name", { title: path ?? name }, name), pick,
      { "aria-pressed": String(Boolean(isOn)), className: "facet" }));
    item.firstChild.append(make("span.count", {}, figure(n)));
    item.style.setProperty("--depth", depth);
    return item;
  });
  return make("details", { open: true }, make("summary", {}, title), make("ul", {}, ...items));
}

// A picture from outside: dropped, pasted or chosen.
export async function searchBy(file) {
  if (!file) return;
  say("handing in the picture");
  try {
    const { upload } = await handIn(file);
    go({ view: null, photo: null, at: null, like: writeExamples([...readExamples(here().like).filter((each) => each.sign < 0), { upload, sign: 1, weight: 1 }]), box: null, label: null });
  } catch (error) {
    failed(error);
  }
}

