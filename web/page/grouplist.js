// The list of groups: any number of lines of one height, of which only those near the window are in the page.

import { thumb } from "./api.js";
import { make } from "./dom.js";
import { base, count, fileSize } from "./words.js";

const LINE = 72, OVERSCAN = 6;
const MARKS = { looked: ["✓", "looked at"], skipped: ["↷", "skipped"], rejected: ["≠", "not copies"] };

export class GroupList {
  constructor(open) {
    Object.assign(this, { open, rows: [], count: 0, places: new Map(), lines: new Map(), current: "" });
    this.spacer = make("div.lines", { role: "list", "aria-label": "Groups of copies" });
    this.element = make("div.grouplist", { tabIndex: -1 }, this.spacer);
    this.element.addEventListener("scroll", () => this.draw(), { passive: true });
    new ResizeObserver(() => this.draw()).observe(this.element);
  }

  // rows: those that are here already; count: how many there will be.
  show(rows, n) {
    Object.assign(this, { rows, count: n, places: new Map(rows.map(({ key }, place) => [key, place])) });
    this.spacer.style.height = `${n * LINE}px`;
    this.spacer.replaceChildren();
    this.lines.clear();
    this.draw();
  }

  add(rows) {
    for (const row of rows) { this.places.set(row.key, this.rows.length); this.rows.push(row); }
    this.draw();
  }

  replace(rows) {
    for (const row of rows) {
      const place = this.places.get(row.key);
      if (place === undefined) continue;
      this.rows[place] = row;
      this.lines.get(place)?.remove();
      this.lines.delete(place);
    }
    this.draw();
  }

  mark(key) {
    this.current = key;
    for (const [place, line] of this.lines) this.paintMark(line, place);
    const place = this.places.get(key), { scrollTop, clientHeight } = this.element;
    if (place === undefined || !clientHeight) return;
    if (place * LINE < scrollTop) this.element.scrollTop = place * LINE - LINE / 2;
    else if ((place + 1) * LINE > scrollTop + clientHeight) this.element.scrollTop = (place + 1.5) * LINE - clientHeight;
    this.draw();
  }

  focus() {
    this.lines.get(this.places.get(this.current))?.firstChild.focus();
  }

  beside(key, step) {
    const place = this.places.get(key);
    return this.rows[place === undefined ? 0 : place + step];
  }

  draw() {
    const { scrollTop, clientHeight } = this.element;
    const from = Math.max(0, Math.floor(scrollTop / LINE) - OVERSCAN), to = Math.min(this.rows.length, Math.ceil((scrollTop + clientHeight) / LINE) + OVERSCAN);
    for (const [place, line] of this.lines) if (place < from || place >= to) { line.remove(); this.lines.delete(place); }
    for (let place = from; place < to; place += 1) if (!this.lines.has(place)) this.addLine(place);
  }

  addLine(place) {
    const row = this.rows[place], line = make("div", { role: "listitem", className: "place" }, this.line(row));
    line.setAttribute("aria-setsize", String(this.count));
    line.setAttribute("aria-posinset", String(place + 1));
    line.style.transform = `translateY(${place * LINE}px)`;
    this.lines.set(place, line);
    this.paintMark(line, place);
    this.spacer.append(line);
  }

  paintMark(line, place) {
    if (this.rows[place].key === this.current) line.firstChild.setAttribute("aria-current", "true");
    else line.firstChild.removeAttribute("aria-current");
  }

  line(row) {
    const sum = [count(row.files, "file"), row.going ? `${row.going} to move, ${fileSize(row.bytes)}` : "none to move"];
    const tags = [row.losing && `loses ${row.losing}`, row.is_document && "page or screen", row.more && `copy with ${row.more}`, row.class === "exact" && "exact"].filter(Boolean).slice(0, 2)
      .map((words) => make(words.startsWith("loses") ? "span.tag.warn" : "span.tag", { title: words.startsWith("copy") ? "what only another file than the kept one holds" : "" }, words));
    const [mark, words] = MARKS[row.state] ?? ["", ""];
    return make("button.line", { type: "button", onclick: () => this.open(row.key) },
      make("span.three", {}, ...row.thumbs.map((id) => make("img", { src: thumb(id), alt: "", loading: "lazy", decoding: "async" }))),
      make("span.about", {}, make("span.name", {}, base(row.path)), make("span.soft", {}, sum.join(" · ")),
        make("span.tags", {}, ...tags)),
      make("span.seen", { title: words }, mark, words ? make("span.unseen", {}, words) : null));
  }
}
