// A grid of any number of photos: only what is near the window is in the page.

import { thumb } from "./api.js";
import { make } from "./dom.js";
import { HEADING, layOut, ratioOf, rowAt, rowOf } from "./layout.js";
import { day, base, count, month } from "./words.js";

const OVERSCAN = 400, BLOCK = 200, KEPT_BLOCKS = 40;
const TALLEST_PAGE = 12e6; // px: browsers stop at some 16 to 33 millions

export class Grid {
  // load(from, n): rows of photos. open(position, photo), changed(selection): what is done with them.
  constructor({ load, open, changed = () => {}, label }) {
    Object.assign(this, { load, open, changed });
    this.layer = make("div.layer");
    this.spacer = make("div.spacer", {}, this.layer);
    this.sticky = make("div.month", { "aria-hidden": "true" });
    this.element = make("div.grid", { role: "grid", "aria-label": label, "aria-multiselectable": "true" },
      this.sticky, this.spacer);
    this.cells = new Map(); this.rowElements = new Map(); this.blocks = new Map();
    this.selected = new Map();
    this.at = 0; this.target = Number(localStorage.getItem("thumb-size")) || 180;
    this.aspects = new Uint8Array(); this.months = []; this.virtualTop = 0; this.lastTop = 0;
    this.element.addEventListener("scroll", () => this.scrolled(), { passive: true });
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.element.addEventListener("click", (event) => this.clicked(event));
    this.observer = new ResizeObserver(() => this.resized());
    this.observer.observe(this.element);
  }

  // aspects: see layout.js. photos: the rows themselves where all are known.
  show(aspects, months = [], photos = null) {
    Object.assign(this, { aspects, months, at: 0, virtualTop: 0 });
    this.blocks.clear(); this.selected.clear();
    if (photos) for (let from = 0; from < photos.length; from += BLOCK) this.blocks.set(from / BLOCK, photos.slice(from, from + BLOCK));
    this.clear();
    this.width = 0;
    this.resized();
    this.element.scrollTop = this.lastTop = 0;
    if (this.width) this.paint();  // not a frame later: who is told that all is there finds it
  }

  clear() {
    this.noteFocus(this.layer);
    this.layer.replaceChildren();
    this.cells.clear(); this.rowElements.clear();
  }

  resized() {
    const width = this.element.clientWidth - 16;
    if (width <= 0 || width === this.width) return this.draw();
    const anchor = this.lay && this.width ? this.lay.first[rowAt(this.lay, this.virtualTop)] : 0;
    this.width = width;
    this.lay = layOut(this.aspects, this.months, width, Math.min(this.target, width / 1.6));
    this.element.setAttribute("aria-rowcount", this.lay.rows);
    this.page = Math.min(this.lay.total, TALLEST_PAGE);
    this.spacer.style.height = `${this.page}px`;
    this.clear();
    this.goTo(anchor ? this.lay.top[rowOf(this.lay, anchor)] : 0);
  }

  resize(target) {
    this.target = Math.max(90, Math.min(420, target));
    localStorage.setItem("thumb-size", this.target);
    this.width = 0.5;
    this.resized();
  }

  // --- scrolling: the page is shorter than the photos, where these are more than browsers bear ---------

  get ratio() {
    const view = this.element.clientHeight;
    return this.page > view ? (this.lay.total - view) / (this.page - view) : 1;
  }

  scrolled() {
    const top = this.element.scrollTop, moved = top - this.lastTop, view = this.element.clientHeight;
    this.lastTop = top;
    const end = Math.max(0, this.lay.total - view);
    const isJump = Math.abs(moved) > 3 * view;
    this.virtualTop = this.ratio === 1 || isJump ? top * this.ratio : Math.max(0, Math.min(end, this.virtualTop + moved));
    clearTimeout(this.rest);
    const atEdge = (top <= 0 && this.virtualTop > 0) || (top >= this.page - view - 1 && this.virtualTop < end);
    if (this.ratio !== 1) atEdge ? this.settle() : (this.rest = setTimeout(() => this.settle(), 160));
    this.draw();
  }

  settle() {
    const wanted = this.virtualTop / this.ratio;
    if (Math.abs(wanted - this.element.scrollTop) > 1) {
      this.element.scrollTop = wanted;
      this.lastTop = this.element.scrollTop;
    }
    this.draw();
  }

  goTo(y) {
    const end = Math.max(0, this.lay.total - this.element.clientHeight);
    this.virtualTop = Math.max(0, Math.min(end, y));
    this.settle();
  }

  draw() {
    if (!this.lay || !this.width || this.frame) return;
    this.frame = requestAnimationFrame(() => { this.frame = 0; this.paint(); });
  }

  paint() {
    const { lay, virtualTop } = this, view = this.element.clientHeight;
    const from = rowAt(lay, Math.max(0, virtualTop - OVERSCAN));
    const to = lay.rows ? rowAt(lay, virtualTop + view + OVERSCAN) : -1;
    // What stays while the window moves by as much as the page needs no new place.
    const shift = this.element.scrollTop - virtualTop;
    if (Math.abs(shift - (this.shift ?? NaN)) > 0.5 || this.shift === undefined) {
      this.shift = shift;
      this.layer.style.transform = `translateY(${shift}px)`;
    }
    for (const [row, element] of this.rowElements) {
      if (row >= from && row <= to) continue;
      this.noteFocus(element);
      for (const img of element.querySelectorAll("img")) img.removeAttribute("src");
      element.remove();
      this.rowElements.delete(row);
      for (let photo = lay.first[row]; photo < lay.first[row + 1]; photo += 1) this.cells.delete(photo);
    }
    for (let row = from; row <= to; row += 1) if (!this.rowElements.has(row)) this.addRow(row);
    if (to >= from) this.fetchBlocks(lay.first[from], lay.first[to + 1]);
    const cell = this.hadFocus && document.activeElement === document.body && this.cells.get(this.at);
    if (cell) cell.focus({ preventScroll: true });
    this.paintMonth();
  }

  // Where the focus was is drawn anew or scrolls away: it comes back with the photo, unless it went elsewhere.
  noteFocus(part) {
    if (part.contains(document.activeElement)) this.hadFocus = true;
    else if (document.activeElement !== document.body) this.hadFocus = false;
  }

  paintMonth() {
    const { headings } = this.lay;
    const now = headings.findLast((each) => each.top <= this.virtualTop + 1) ?? headings[0];
    this.sticky.hidden = !now || this.virtualTop < now.top + HEADING - 12;  // else the heading itself is there
    if (!now) return;
    this.sticky.textContent = month(now.name);
    this.onMonth?.(now);
  }

  addRow(row) {
    const { lay } = this, start = lay.first[row], end = lay.first[row + 1], height = lay.height[row];
    const element = make("div.row", { role: "row", "aria-rowindex": String(row + 1) });
    Object.assign(element.style, { transform: `translateY(${lay.top[row]}px)`, height: `${height}px` });
    if (start === end) {
      const heading = lay.headings.find((each) => each.row === row);
      element.classList.add("heading");
      element.append(make("div", { role: "gridcell" }, make("h2", {}, month(heading.name)),
        make("span", {}, count(heading.count, "photo"))));
    }
    let left = 0;
    for (let photo = start; photo < end; photo += 1) {
      const width = ratioOf(lay.aspects[photo]) * height;
      const cell = this.cell(photo);
      Object.assign(cell.style, { left: `${left}px`, width: `${width}px` });
      left += width + lay.gap;
      element.append(cell);
    }
    this.rowElements.set(row, element);
    this.layer.append(element);
  }

  cell(position) {
    const check = make("span.check", { "aria-hidden": "true" });
    const image = make("img", { alt: "", decoding: "async", draggable: false });
    const cell = make("div.cell", { role: "gridcell", tabIndex: position === this.at ? 0 : -1 }, image, check);
    cell.dataset.at = position;
    this.cells.set(position, cell);
    this.fill(position);
    return cell;
  }

  fill(position) {
    const photo = this.photo(position), cell = this.cells.get(position);
    if (!cell || photo === undefined) return;
    cell.setAttribute("aria-selected", String(this.selected.has(position)));
    if (photo === null) {
      cell.classList.add("gone");
      cell.setAttribute("aria-label", "not in the library any more");
      return;
    }
    const image = cell.firstChild;
    image.alt = `${base(photo.path)}, ${day(photo.date)}, ${photo.width} x ${photo.height}${photo.format === "RAW" ? ", RAW" : ""}`;
    image.onerror = () => cell.classList.add("gone");
    image.src = thumb(photo.id);
    this.decorate?.(cell, photo, position);
  }

  photo(position) {
    return this.blocks.get(Math.floor(position / BLOCK))?.[position % BLOCK];
  }

  fetchBlocks(from, to) {
    for (let block = Math.floor(from / BLOCK); block * BLOCK < to; block += 1) {
      if (this.blocks.has(block)) continue;
      this.blocks.set(block, []);
      const aspects = this.aspects;
      this.load(block * BLOCK, BLOCK).then((photos) => {
        if (aspects !== this.aspects) return;
        this.blocks.set(block, photos);
        for (let at = block * BLOCK; at < block * BLOCK + photos.length; at += 1) this.fill(at);
      }, () => this.blocks.delete(block));
    }
    for (const block of this.blocks.keys()) {
      if (this.blocks.size <= KEPT_BLOCKS) break;
      const isFar = block * BLOCK > to + 2000 || (block + 1) * BLOCK < from - 2000;
      if (isFar && this.load) this.blocks.delete(block);
    }
  }

  // --- where one is -------------------------------------------------------------------------------------

  focus(position) {
    position = Math.max(0, Math.min(this.aspects.length - 1, position));
    const row = rowOf(this.lay, position), top = this.lay.top[row], view = this.element.clientHeight;
    const head = this.lay.headings.length ? HEADING : 0;
    if (top - head < this.virtualTop) this.goTo(top - head);
    else if (top + this.lay.height[row] > this.virtualTop + view) this.goTo(top + this.lay.height[row] - view + 8);
    this.cells.get(this.at)?.setAttribute("tabindex", "-1");
    this.at = position;
    this.paint();
    const cell = this.cells.get(position);
    cell?.setAttribute("tabindex", "0");
    cell?.focus({ preventScroll: true });
  }

  // The photo above or below by where it lies, not by its number.
  beside(step) {
    const row = rowOf(this.lay, this.at), height = this.lay.height[row];
    let middle = 0;
    for (let photo = this.lay.first[row]; photo <= this.at; photo += 1) {
      middle += ratioOf(this.lay.aspects[photo]) * height * (photo === this.at ? 0.5 : 1);
    }
    let other = row + step;
    while (other >= 0 && other < this.lay.rows && this.lay.first[other] === this.lay.first[other + 1]) other += step;
    if (other < 0 || other >= this.lay.rows) return this.at;
    let left = 0, photo = this.lay.first[other];
    for (; photo < this.lay.first[other + 1] - 1; photo += 1) {
      left += ratioOf(this.lay.aspects[photo]) * this.lay.height[other];
      if (left > middle) break;
    }
    return photo;
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const cell = event.target.closest(".cell");
    if (cell) this.at = Number(cell.dataset.at);  // whatever brought the focus there
    const view = Math.max(1, Math.floor(this.element.clientHeight / (this.target + 4)) - 1);
    const moves = {
      ArrowLeft: () => this.at - 1, ArrowRight: () => this.at + 1, h: () => this.at - 1, l: () => this.at + 1,
      ArrowUp: () => this.beside(-1), ArrowDown: () => this.beside(1), k: () => this.beside(-1), j: () => this.beside(1),
      Home: () => 0, End: () => this.aspects.length - 1,
      PageUp: () => { let at = this.at; for (let i = 0; i < view; i += 1) { this.at = this.beside(-1); } [this.at, at] = [at, this.at]; return at; },
      PageDown: () => { let at = this.at; for (let i = 0; i < view; i += 1) { this.at = this.beside(1); } [this.at, at] = [at, this.at]; return at; },
    };
    if (moves[event.key]) {
      const next = moves[event.key]();
      if (event.shiftKey) this.select(this.at, next);
      this.focus(next);
    } else if (event.key === "Enter" || event.key === " ") {
      const photo = this.photo(this.at);
      if (photo) this.open(this.at, photo);
    } else if (event.key === "x" || event.key === "p") this.toggle(this.at);
    else if (event.key === "Escape" && this.selected.size) this.unselect();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  clicked(event) {
    const cell = event.target.closest(".cell");
    if (!cell) return;
    const position = Number(cell.dataset.at), photo = this.photo(position);
    if (event.shiftKey) this.select(this.at, position);
    else if (event.target.closest(".check") || event.ctrlKey || event.metaKey) this.toggle(position);
    else if (photo) this.open(position, photo);
    this.focus(position);
  }

  // --- selecting ----------------------------------------------------------------------------------------

  toggle(position) {
    const photo = this.photo(position);
    if (!photo) return;
    if (!this.selected.delete(position)) this.selected.set(position, photo);
    this.fill(position);
    this.changed(this.selected);
  }

  select(from, to) {
    for (let at = Math.min(from, to); at <= Math.max(from, to); at += 1) {
      const photo = this.photo(at);
      if (photo) this.selected.set(at, photo);
      this.fill(at);
    }
    this.changed(this.selected);
  }

  unselect() {
    const before = [...this.selected.keys()];
    this.selected.clear();
    before.forEach((each) => this.fill(each));
    this.changed(this.selected);
  }
}
