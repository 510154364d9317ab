// The kept picture and others: beside each other, or one laid on another by the maps of the proofs,
// so that zoom and place are those of all, whatever their sizes, crops and turns.

import { addBoxes, wordsFor } from "./cards.js";
import { button, make, prefersStill } from "./elements.js";
import { boxesOf, isToMove, mapToKept, membersOf, relation, times } from "./model.js";
import { fileSize } from "./words.js";

const BLINK_MS = 700, HELD_MS = 300, SHARPEN_MS = 120;
const MOST_ZOOM = 60, THUMBS_ZOOM = 4, ON_TABLE = 3, STILL_PX = 10, SWIPE_PX = 50;
const MODES = { beside: "Side by side", swap: "Swap", slider: "Slider", difference: "Difference", fade: "Fade", table: "Table" };
const KNOBS = { slider: ["where it is cut", 50], difference: ["how strong", 30], fade: ["how much of this one", 50] };

export class Comparison {
  // acts: those of the cards, and closed(group, i); larger(file, pixels): address of a picture of at least
  // so many pixels on its longer side, where there is one. first: place of the first file on the table.
  constructor(acts, { mode = "beside" } = {}) {
    Object.assign(this, { acts, mode, view: { zoom: 1, x: 0.5, y: 0.5 }, knobs: {}, sides: [], first: 0, isFlipped: true });
    for (const [name, [, value]] of Object.entries(KNOBS)) this.knobs[name] = value;
    this.title = make("h2", { id: "compare-title" });
    this.what = make("p.what");
    this.modes = make("div.modes", { role: "group", "aria-label": "How to compare" },
      ...Object.entries(MODES).map(([name, words], i) => {
        const made = button(words, () => this.setMode(name), { key: String(i + 1) });
        made.dataset.mode = name;
        return made;
      }));
    this.panes = make("div.panes");
    this.knob = make("input.knob", { type: "range", min: 0, max: 100, oninput: () => this.turned() });
    this.flipper = button("Flip", () => this.flipNow(), { key: "space", id: "flip" });
    this.blinker = button("Blink", () => this.blink(!this.timer), { key: "a", id: "blink", "aria-pressed": "false" });
    this.toggler = button("", () => this.toggle(), { key: "x" });
    this.keeper = button("Keep this one", () => this.keep(), { key: "Enter" });
    this.element = make("dialog.compare", { id: "compare", tabIndex: -1, "aria-labelledby": "compare-title" },
      make("header", {}, make("div.about", {}, this.title, this.what), this.modes,
        button("×", () => this.element.close(), { "aria-label": "close", title: "close (Esc)", className: "away" })),
      this.panes,
      make("footer", {}, this.knob, this.flipper, this.blinker,
        this.turners = make("div.turners", {}, button("‹", () => this.rotate(-1), { key: "[", "aria-label": "previous file" }),
          button("›", () => this.rotate(1), { key: "]", "aria-label": "next file" })),
        button("Fit", () => this.fitOrFull(), { key: "z", className: "fit" }), this.toggler, this.keeper));
    this.element.addEventListener("close", () => { this.blink(false); acts.closed(this.group, this.file); });
    this.gestures();
    addEventListener("resize", () => this.element.open && this.lay());
  }

  open(group, i) {
    if (!membersOf(group).length) return;
    this.element.showModal();
    this.element.focus();
    this.fill(group, i);
    this.blink(this.mode === "swap" && !prefersStill());
  }

  // The mode that is shown: two files need no table.
  get how() { return this.mode === "table" && this.group.files.length < 3 ? "beside" : this.mode; }

  get kept() { return this.sides[0]; }

  get other() { return this.sides.find(({ i }) => i === this.file); }

  fill(group, i) {
    const members = membersOf(group);
    if (this.group !== group) this.view = { zoom: 1, x: 0.5, y: 0.5 };
    Object.assign(this, { group, file: members.includes(i) ? i : members[0], isFlipped: true, isPeeking: false });
    const files = [group.keeper, ...(this.how === "table" ? this.onTable() : [this.file])];
    const there = this.sides.filter(({ of, keeper }) => of === group && keeper === group.keeper);
    const sides = (this.sides = files.map((n) => there.find((side) => side.i === n) ?? this.side(n)));
    return Promise.all(sides.map(({ ready }) => ready)).then(() => sides === this.sides && this.arrange());
  }

  // The files on the table beside the kept one: so many that follow each other, and that in hand is one of them.
  onTable() {
    const members = membersOf(this.group), n = members.length, most = Math.min(n, ON_TABLE), at = members.indexOf(this.file);
    const off = (at - (this.first % n) + n) % n;
    if (off >= most) this.first = (off === n - 1 ? at : at - most + 1 + n) % n;
    return Array.from({ length: most }, (_, k) => members[(this.first + k) % n]);
  }

  side(i) {
    const { group } = this, { keeper } = group, file = group.files[i], image = make("img", { alt: "", draggable: false });
    const role = i === keeper ? "kept" : "other";
    this.acts.show(image, file);
    const layer = make(`div.layer.${role}`, {}, image);
    addBoxes(layer, boxesOf(group, i));
    const side = { of: group, keeper, i, role, file, image, layer, pixels: 0, map: mapToKept(group, i), holder: make(`div.holder.${role}`, {}, layer) };
    side.ready = image.decode().catch(() => null).then(() => { side.size = [image.naturalWidth || 256, image.naturalHeight || 192]; });
    return side;
  }

  setMode(mode) {
    this.blink(false);
    this.mode = mode;
    return this.fill(this.group, this.file);
  }

  // --- how the pictures lie -------------------------------------------------------------------------

  arrange() {
    const { how, sides } = this, split = how === "beside" || how === "table" ? sides.map((side) => [side]) : [sides];
    this.stages = split.map((shown, n) => {
      const world = make("div.world", {}, ...shown.map(({ holder }) => holder)), { i } = shown[0];
      const caption = how === "table" && n ? button("", () => this.take(i), { className: "which" }) : make("figcaption.which");
      return { world, stage: make("div.stage", { id: n ? undefined : "stage" }, world), caption, i };
    });
    this.stages.at(-1).caption.id = "which";
    this.divider = make("div.divider", { hidden: how !== "slider" });
    this.stages[0].stage.append(this.divider);
    this.panes.replaceChildren(...this.stages.map(({ stage, caption }) => make("figure.pane", {}, make("div.room", {}, stage), caption)));
    this.panes.dataset.mode = how;
    for (const each of this.modes.children) each.setAttribute("aria-pressed", String(each.dataset.mode === how));
    this.modes.lastChild.hidden = this.turners.hidden = this.group.files.length < 3;
    this.knob.hidden = !KNOBS[how];
    if (!this.knob.hidden) { this.knob.value = this.knobs[how]; this.knob.setAttribute("aria-label", KNOBS[how][0]); }
    this.flipper.hidden = this.blinker.hidden = how !== "swap";
    this.paint();
    this.lay();
    // Keys are heard in the dialog: what had the focus may have gone with its pane.
    if (this.element.open && !this.element.contains(document.activeElement)) this.element.focus();
  }

  // All in pixels of the kept thumbnail: the frame that holds all pictures, and the maps of the others.
  lay() {
    const { kept, sides } = this;
    if (!this.stages || !sides.every(({ size }) => size)) return;  // some are still on their way
    const [width, height] = kept.size;
    for (const side of sides) {
      const [w, h] = side.size;
      side.laid = side.map ?? [width / w, 0, 0, 0, height / h, 0, 0, 0, 1];
      side.corners = [[0, 0], [w, 0], [w, h], [0, h]].map((each) => mapped(side.laid, each));
    }
    const span = (axis, length) => {
      const values = sides.flatMap(({ corners }) => corners.map((each) => each[axis])), slack = 0.03 * length;
      const low = Math.min(...values), high = Math.max(...values);
      return [low < -slack ? Math.max(low, -length) : 0, high > length + slack ? Math.min(high, 2 * length) : length];
    };
    const [left, right] = span(0, width), [top, bottom] = span(1, height);
    const room = this.stages[0].stage.parentElement, most = this.acts.larger ? Infinity : THUMBS_ZOOM;
    const fitIn = (columns) => {
      this.panes.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
      return Math.min((room.clientWidth - 8) / (right - left), (room.clientHeight - 8) / (bottom - top));
    };
    // As many columns as make the pictures largest.
    const fits = this.stages.map((_, n) => fitIn(n + 1)), best = Math.max(...fits);
    fitIn(fits.indexOf(best) + 1);
    this.fit = Math.max(0.2, Math.min(best, most));
    this.frame = { left, top, width: right - left, height: bottom - top, roomWidth: room.clientWidth - 8, roomHeight: room.clientHeight - 8 };
    for (const side of sides) place(side.layer, side.size, scaled(side.laid, this.fit, left, top));
    this.move();
  }

  // The window of all panes: where in the frame, and how near.
  move() {
    const { frame, fit, view } = this, wide = frame.width * fit, high = frame.height * fit;
    view.zoom = Math.max(1, Math.min(MOST_ZOOM, view.zoom));
    const width = Math.min(frame.roomWidth, wide * view.zoom), height = Math.min(frame.roomHeight, high * view.zoom);
    const clamp = (at, shown, all) => Math.max(shown / all / 2, Math.min(1 - shown / all / 2, at));
    view.x = clamp(view.x, width, wide * view.zoom);
    view.y = clamp(view.y, height, high * view.zoom);
    const x = width / 2 - view.x * wide * view.zoom, y = height / 2 - view.y * high * view.zoom;
    this.shown = { x, y, width, height };
    for (const { stage, world } of this.stages) {
      setStyles(stage, { width: `${width}px`, height: `${height}px` });
      setStyles(world, { width: `${wide}px`, height: `${high}px`, transform: `translate(${x}px, ${y}px) scale(${view.zoom})` });
      stage.style.setProperty("--near", String(fit * view.zoom));
    }
    this.turn();
    clearTimeout(this.sharpening);
    this.sharpening = setTimeout(() => this.sharpen(), SHARPEN_MS);
  }

  // Thumbnails first; larger pictures take their place when they are here.
  sharpen() {
    if (!this.acts.larger || !this.element.open || !this.sides.every(({ corners }) => corners)) return;
    for (const side of this.sides) {
      const [corner, right, , below] = side.corners, along = (to) => Math.hypot(to[0] - corner[0], to[1] - corner[1]);
      const wanted = this.fit * this.view.zoom * devicePixelRatio * Math.max(along(right), along(below));
      const larger = this.acts.larger(side.file, wanted);
      if (!larger || larger.pixels <= side.pixels) continue;
      side.pixels = larger.pixels;
      const image = make("img", { alt: "", draggable: false, src: larger.url });
      image.decode().then(() => { side.image.replaceWith(image); side.image = image; }, () => null);
    }
  }

  turned() {
    this.knobs[this.mode] = Number(this.knob.value);
    this.turn();
  }

  // What the mode makes of the two pictures.
  turn() {
    const { kept, other } = this, knob = this.knobs[this.mode], { zoom } = this.view;
    for (const { holder } of this.sides) setStyles(holder, { opacity: "", clipPath: "", visibility: "" });
    for (const { world } of this.stages) world.style.filter = "";
    if (this.mode === "fade") other.holder.style.opacity = String(knob / 100);
    if (this.mode === "slider") {
      const cut = (this.shown.width * knob) / 100;
      other.holder.style.clipPath = `inset(0 0 0 ${(cut - this.shown.x) / zoom}px)`;
      this.divider.style.left = `${cut}px`;
    } else if (this.mode === "difference") {
      const corners = other.corners.map(([x, y]) => `${(x - this.frame.left) * this.fit}px ${(y - this.frame.top) * this.fit}px`);
      const { left, top, width, height } = this.frame, [right, bottom] = kept.size;
      // Only where both show something can they differ.
      kept.holder.style.clipPath = `polygon(${corners.join(", ")})`;
      const edges = [-top, left + width - right, top + height - bottom, -left];
      other.holder.style.clipPath = `inset(${edges.map((each) => `${each * this.fit}px`).join(" ")})`;
      this.stages[0].world.style.filter = `brightness(${2 ** (knob / 20)})`;
    }
  }

  paint() {
    const { group, file, how, isFlipped, stages } = this, members = membersOf(group);
    const { lock, note } = relation(group, file), isGoing = isToMove(group, file), words = wordsFor(group, file);
    this.title.textContent = group.files[file].name;
    const said = [members.length > 1 && `${members.indexOf(file) + 1} of ${members.length}`, this.other.map ? words : `${words}; not aligned: no map is known`, lock || note];
    this.what.textContent = said.filter(Boolean).join(" · ");
    const about = ({ width, height, format, bytes }) => `${width}x${height}, ${format}, ${fileSize(bytes)}`;
    const fate = (i) => (isToMove(group, i) ? "to move" : "stays");
    const ofKept = `the kept one: ${about(group.files[group.keeper])}`;
    const ofOther = `this one (${fate(file)}): ${about(group.files[file])}`;
    stages.forEach(({ stage, caption, i }, n) => {
      const isOther = how === "swap" ? isFlipped : n > 0;
      caption.textContent = isOther ? ofOther : ofKept;
      if (how === "table") caption.replaceChildren(make("strong", {}, group.files[i].name), " ", make("span.fate", {}, n ? fate(i) : "kept"), " ",
        make("span.soft", {}, n ? `${wordsFor(group, i)} · ${fileSize(group.files[i].bytes)}` : about(group.files[i])));
      if (caption.type) caption.setAttribute("aria-pressed", String(i === file));
      stage.classList.toggle("flipped", isOther);
      stage.classList.toggle("going", isOther && isToMove(group, n ? i : file));
    });
    if (KNOBS[how]) stages[0].caption.textContent = `${ofKept} · ${ofOther}`;
    this.toggler.firstChild.textContent = lock ? "Must stay" : isGoing ? "Let it stay" : "Move it";
    this.toggler.disabled = Boolean(lock);
    this.toggler.title = lock ?? "";
    this.keeper.hidden = group.kind === "similar";
  }

  // --- what one does ----------------------------------------------------------------------------------

  flipNow() { this.blink(false); this.flip(); }

  flip() {
    if (this.mode !== "swap") return this.setMode("swap");
    this.isFlipped = !this.isFlipped;
    this.paint();
  }

  blink(isWanted) {
    clearInterval(this.timer);
    this.timer = isWanted ? setInterval(() => this.flip(), BLINK_MS) : 0;
    this.blinker.setAttribute("aria-pressed", String(isWanted));
  }

  next(step) {
    const members = membersOf(this.group), where = members.indexOf(this.file) + step;
    this.take(members[(where + members.length) % members.length]);
  }

  // Take a file in hand: one on the table stays where it lies.
  take(i) {
    if (this.how !== "table" || !this.sides.some((side) => side.i === i)) return this.fill(this.group, i);
    this.file = i;
    return this.paint();
  }

  rotate(by) {
    if (this.how !== "table") return this.next(by);
    const members = membersOf(this.group), n = members.length, place = this.sides.indexOf(this.other) - 1;
    this.first = (this.first + by + n) % n;
    return this.fill(this.group, members[(this.first + place) % n]);
  }

  // While it is held: the other picture in a pane, at the same place.
  peek(n) {
    const { stages, sides, kept, other } = this;
    this.blink(false);
    this.isPeeking = true;
    if (this.mode === "swap") return this.flip();
    if (stages.length > 1) sides[n].holder.replaceWith((n ? kept : other).holder);
    else other.holder.style.visibility = "hidden", kept.holder.style.clipPath = stages[0].world.style.filter = "";
  }

  unpeek() {
    this.isPeeking = false;
    this.mode === "swap" ? this.flip() : this.arrange();
  }

  toggle() {
    if (relation(this.group, this.file).lock) return;
    this.acts.toggle(this.group, this.file);
    this.paint();
  }

  keep() {
    const { group, file } = this, before = group.keeper;
    this.acts.keep(group, file);
    if (group.keeper !== before) this.fill(group, before);
  }

  zoomBy(factor, at = { x: this.shown.width / 2, y: this.shown.height / 2 }) {
    const { view, shown, frame, fit } = this, wide = frame.width * fit, high = frame.height * fit;
    const zoom = Math.max(1, Math.min(MOST_ZOOM, view.zoom * factor));
    const x = (at.x - shown.x) / (wide * view.zoom), y = (at.y - shown.y) / (high * view.zoom);
    const width = Math.min(frame.roomWidth, wide * zoom), height = Math.min(frame.roomHeight, high * zoom);
    // The point under the pointer stays there, also while the pane still grows.
    const atX = (at.x / shown.width) * width, atY = (at.y / shown.height) * height;
    Object.assign(view, { zoom, x: x - (atX - width / 2) / (wide * zoom), y: y - (atY - height / 2) / (high * zoom) });
    this.move();
  }

  // A pixel of the kept file is a pixel of the screen, or all of it is seen.
  fitOrFull() {
    const { file, size } = this.kept;
    const full = file.width / size[0] / this.fit / devicePixelRatio;
    this.view.zoom = this.view.zoom > 1.01 ? 1 : Math.max(2, full);
    this.move();
  }

  panBy(x, y) {
    const { view, frame, fit } = this;
    view.x -= x / (frame.width * fit * view.zoom);
    view.y -= y / (frame.height * fit * view.zoom);
    this.move();
  }

  gestures() {
    const touching = new Map();
    const local = (event) => {
      const { left, top } = event.target.closest(".stage").getBoundingClientRect();
      return { x: event.clientX - left, y: event.clientY - top };
    };
    const apart = () => { const [a, b] = [...touching.values()]; return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY); };
    this.panes.addEventListener("wheel", (event) => {
      if (!event.target.closest(".stage")) return;
      event.preventDefault();
      this.zoomBy(Math.exp(-event.deltaY / 400), local(event));
    }, { passive: false });
    this.panes.addEventListener("dblclick", () => this.fitOrFull());
    this.panes.addEventListener("pointerdown", (event) => {
      const n = this.stages.findIndex(({ stage }) => stage.contains(event.target));
      if (n < 0) return;
      touching.set(event.pointerId, event);
      clearTimeout(this.holding);
      this.began = touching.size === 1 ? event : null;
      this.isCutting = event.target === this.divider || (this.mode === "slider" && this.view.zoom === 1);
      this.panes.setPointerCapture(event.pointerId);
      if (this.how === "table" && n) this.take(this.stages[n].i);
      if (this.began && event.pointerType === "touch") this.holding = setTimeout(() => this.peek(n), HELD_MS);
    });
    this.panes.addEventListener("pointermove", (event) => {
      const before = touching.get(event.pointerId);
      if (!before || this.isPeeking) return;
      if (touching.size === 2) {
        const was = apart();
        touching.set(event.pointerId, event);
        return this.zoomBy(apart() / was);
      }
      if (this.began && Math.hypot(event.clientX - this.began.clientX, event.clientY - this.began.clientY) > STILL_PX) clearTimeout(this.holding);
      touching.set(event.pointerId, event);
      if (!this.isCutting) return this.panBy(event.clientX - before.clientX, event.clientY - before.clientY);
      const { left } = this.stages[0].stage.getBoundingClientRect();
      this.knob.value = (100 * (event.clientX - left)) / this.shown.width;
      this.turned();
    });
    for (const end of ["pointerup", "pointercancel"]) this.panes.addEventListener(end, (event) => {
      if (!touching.delete(event.pointerId)) return;
      clearTimeout(this.holding);
      if (this.isPeeking) return this.unpeek();
      const { began } = this, x = event.clientX - began?.clientX, y = event.clientY - began?.clientY;
      const isSwipe = end === "pointerup" && event.pointerType === "touch" && !this.isCutting && this.view.zoom === 1 && Math.abs(x) > SWIPE_PX && Math.abs(x) > 2 * Math.abs(y);
      if (isSwipe) this.rotate(x < 0 ? 1 : -1);
    });
    // A finger that rests asks for the other picture, not for the browser's menu.
    this.panes.addEventListener("contextmenu", (event) => this.began?.pointerType === "touch" && event.preventDefault());
    this.element.addEventListener("keyup", (event) => {
      if (event.key !== " ") return;
      if (this.isPeeking) this.unpeek();
      else if (this.heldSince && performance.now() - this.heldSince > HELD_MS) this.flip();
      this.heldSince = 0;
    });
  }

  // Whether a key did something here.
  key(event) {
    const names = Object.keys(MODES), { target, key } = event;
    if (target.matches?.("input[type=range]") && key.startsWith("Arrow")) return false;
    if ((key === " " || key === "Enter") && target.matches?.("button, input") && target.closest("dialog")) return false;
    if (key === " ") {
      if (event.repeat) return true;
      if (this.how === "table") this.peek(this.sides.indexOf(this.other));
      else { this.heldSince = performance.now(); this.flipNow(); }
      return true;
    }
    const keys = {
      b: () => this.element.close(), c: () => this.element.close(), a: () => (this.mode === "swap" ? this.blink(!this.timer) : this.setMode("swap")),
      "[": () => this.rotate(-1), "]": () => this.rotate(1), l: () => this.next(1), h: () => this.next(-1), ArrowRight: () => this.next(1), ArrowLeft: () => this.next(-1),
      z: () => this.fitOrFull(), "+": () => this.zoomBy(1.5), "-": () => this.zoomBy(1 / 1.5), x: () => this.toggle(), Enter: () => this.keep(),
    };
    const pan = { ArrowRight: [-60, 0], ArrowLeft: [60, 0], ArrowUp: [0, 60], ArrowDown: [0, -60] }[key];
    if (event.shiftKey && pan) this.panBy(...pan);
    else if (names[Number(key) - 1]) this.setMode(names[Number(key) - 1]);
    else if (keys[key]) keys[key]();
    else return false;
    return true;
  }
}

function mapped([a, b, c, d, e, f, g, h, i], [x, y]) {
  const w = g * x + h * y + i;
  return [(a * x + b * y + c) / w, (d * x + e * y + f) / w];
}

const scaled = (map, by, left, top) => times([by, 0, -left * by, 0, by, -top * by, 0, 0, 1], map);

function setStyles(element, styles) {
  for (const [name, value] of Object.entries(styles)) element.style[name] = value;
}

function place(element, [width, height], [a, b, c, d, e, f, g, h, i]) {
  setStyles(element, {
    width: `${width}px`, height: `${height}px`,
    transform: `matrix3d(${[a, d, 0, g, b, e, 0, h, 0, 0, 1, 0, c, f, 0, i]})`,
  });
}
