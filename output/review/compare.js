// The kept picture and another one: beside each other, or one laid on the other by the map of the proof,
// so that zoom and place are those of both, whatever their sizes, crops and turns.

import { addBoxes, wordsFor } from "./cards.js";
import { button, make, prefersStill } from "./elements.js";
import { boxesOf, isToMove, mapToKept, membersOf, relation, times } from "./model.js";
import { fileSize } from "./words.js";

const BLINK_MS = 700, HELD_MS = 300, SHARPEN_MS = 120;
const MOST_ZOOM = 60, THUMBS_ZOOM = 4;
const MODES = { beside: "Side by side", swap: "Swap", slider: "Slider", difference: "Difference", fade: "Fade" };
const KNOBS = { slider: ["where it is cut", 50], difference: ["how strong", 30], fade: ["how much of this one", 50] };

export class Comparison {
  // acts: those of the cards, and closed(group, i); larger(file, pixels): address of a picture of at least
  // so many pixels on its longer side, where there is one.
  constructor(acts, { mode = "beside" } = {}) {
    Object.assign(this, { acts, mode, view: { zoom: 1, x: 0.5, y: 0.5 }, knobs: {}, sides: {}, isFlipped: true });
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
        button("Fit", () => this.fitOrFull(), { key: "z", className: "fit" }), this.toggler, this.keeper));
    this.element.addEventListener("close", () => { this.blink(false); acts.closed(this.group, this.file); });
    this.gestures();
    addEventListener("resize", () => this.element.open && this.lay());
  }

  open(group, i) {
    if (i === group.keeper || i === undefined) i = membersOf(group)[0];
    if (i === undefined) return;
    if (this.group !== group) this.view = { zoom: 1, x: 0.5, y: 0.5 };
    this.element.showModal();
    this.element.focus();
    this.fill(group, i);
    this.blink(this.mode === "swap" && !prefersStill());
  }

  fill(group, i) {
    Object.assign(this, { group, file: i, isFlipped: true });
    const { note, lock } = relation(group, i), words = wordsFor(group, i);
    this.map = mapToKept(group, i);
    this.title.textContent = group.files[i].name;
    const said = [this.map ? words : `${words}; not aligned: no map is known`, lock || note];
    this.what.textContent = said.filter(Boolean).join(" · ");
    for (const [role, n] of [["kept", group.keeper], ["other", i]]) this.sides[role] = this.side(role, n);
    const both = Object.values(this.sides);
    Promise.all(both.map(({ image }) => image.decode().catch(() => null))).then(() => {
      for (const each of both) each.size = [each.image.naturalWidth || 256, each.image.naturalHeight || 192];
      if (both[0] === this.sides.kept) this.arrange();
    });
  }

  side(role, i) {
    const file = this.group.files[i], image = make("img", { alt: "", draggable: false });
    this.acts.show(image, file);
    const layer = make(`div.layer.${role}`, {}, image);
    addBoxes(layer, boxesOf(this.group, i));
    return { role, file, image, layer, pixels: 0, holder: make(`div.side.${role}`, {}, layer) };
  }

  setMode(mode) {
    this.blink(false);
    this.mode = mode;
    this.isFlipped = true;
    this.arrange();
  }

  // --- how the pictures lie -------------------------------------------------------------------------

  arrange() {
    const { kept, other } = this.sides;
    if (!other.size) return;
    const split = this.mode === "beside" ? [[kept], [other]] : [[kept, other]];
    this.stages = split.map((sides, n) => {
      const world = make("div.world", {}, ...sides.map(({ holder }) => holder));
      return { world, stage: make("div.stage", { id: n ? undefined : "stage" }, world), caption: make("figcaption.which") };
    });
    this.stages.at(-1).caption.id = "which";
    this.divider = make("div.divider", { hidden: this.mode !== "slider" });
    this.stages[0].stage.append(this.divider);
    this.panes.replaceChildren(...this.stages.map(({ stage, caption }) => make("figure.pane", {}, make("div.room", {}, stage), caption)));
    this.panes.dataset.mode = this.mode;
    for (const each of this.modes.children) each.setAttribute("aria-pressed", String(each.dataset.mode === this.mode));
    this.knob.hidden = !KNOBS[this.mode];
    if (!this.knob.hidden) { this.knob.value = this.knobs[this.mode]; this.knob.setAttribute("aria-label", KNOBS[this.mode][0]); }
    this.flipper.hidden = this.blinker.hidden = this.mode !== "swap";
    this.paint();
    this.lay();
  }

  // All in pixels of the kept thumbnail: the frame that holds both pictures, and the map of the other one.
  lay() {
    const { kept, other } = this.sides;
    if (!this.stages || !other.size) return;
    const [width, height] = kept.size, [otherWidth, otherHeight] = other.size;
    const map = this.map ?? [width / otherWidth, 0, 0, 0, height / otherHeight, 0, 0, 0, 1];
    const corners = [[0, 0], [otherWidth, 0], [otherWidth, otherHeight], [0, otherHeight]].map((each) => mapped(map, each));
    const span = (axis, length) => {
      const values = corners.map((each) => each[axis]), slack = 0.03 * length;
      const low = Math.min(...values), high = Math.max(...values);
      return [low < -slack ? Math.max(low, -length) : 0, high > length + slack ? Math.min(high, 2 * length) : length];
    };
    const [left, right] = span(0, width), [top, bottom] = span(1, height);
    const room = this.stages[0].stage.parentElement, roomWidth = room.clientWidth - 8, roomHeight = room.clientHeight - 8;
    const most = this.acts.larger ? Infinity : THUMBS_ZOOM;
    this.fit = Math.max(0.2, Math.min(roomWidth / (right - left), roomHeight / (bottom - top), most));
    this.frame = { left, top, width: right - left, height: bottom - top, roomWidth, roomHeight, corners };
    place(kept.layer, kept.size, scaled([1, 0, 0, 0, 1, 0, 0, 0, 1], this.fit, left, top));
    place(other.layer, other.size, scaled(map, this.fit, left, top));
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
    if (!this.acts.larger || !this.element.open) return;
    for (const side of Object.values(this.sides)) {
      const wanted = this.fit * this.view.zoom * devicePixelRatio * Math.max(...side.size) * stretch(side, this);
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
    const { kept, other } = this.sides, knob = this.knobs[this.mode], { zoom } = this.view;
    setStyles(other.holder, { opacity: this.mode === "fade" ? String(knob / 100) : "", clipPath: "" });
    kept.holder.style.clipPath = "";
    for (const { world } of this.stages) world.style.filter = "";
    if (this.mode === "slider") {
      const cut = (this.shown.width * knob) / 100;
      other.holder.style.clipPath = `inset(0 0 0 ${(cut - this.shown.x) / zoom}px)`;
      this.divider.style.left = `${cut}px`;
    } else if (this.mode === "difference") {
      const corners = this.frame.corners.map(([x, y]) => `${(x - this.frame.left) * this.fit}px ${(y - this.frame.top) * this.fit}px`);
      const { left, top, width, height } = this.frame, [right, bottom] = kept.size;
      // Only where both show something can they differ.
      kept.holder.style.clipPath = `polygon(${corners.join(", ")})`;
      const edges = [-top, left + width - right, top + height - bottom, -left];
      other.holder.style.clipPath = `inset(${edges.map((each) => `${each * this.fit}px`).join(" ")})`;
      this.stages[0].world.style.filter = `brightness(${2 ** (knob / 20)})`;
    }
  }

  paint() {
    const { group, file, isFlipped, stages } = this, isBeside = this.mode === "beside";
    const { lock } = relation(group, file), isGoing = isToMove(group, file);
    const about = ({ width, height, format, bytes }) => `${width}x${height}, ${format}, ${fileSize(bytes)}`;
    const ofKept = `the kept one: ${about(group.files[group.keeper])}`;
    const ofOther = `this one (${isGoing ? "to move" : "stays"}): ${about(group.files[file])}`;
    stages[0].caption.textContent = isBeside || !isFlipped ? ofKept : ofOther;
    if (isBeside) stages[1].caption.textContent = ofOther;
    if (!isBeside && this.mode !== "swap") stages[0].caption.textContent = `${ofKept} · ${ofOther}`;
    stages.forEach(({ stage }, n) => {
      stage.classList.toggle("flipped", this.mode === "swap" ? isFlipped : isBeside && n === 1);
      stage.classList.toggle("going", isGoing);
    });
    this.toggler.firstChild.textContent = lock ? "Must stay" : isGoing ? "To move: keep it" : "Stays: move it";
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
    this.fill(this.group, members[(where + members.length) % members.length]);
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
    const { file, size } = this.sides.kept;
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
      if (!event.target.closest(".stage")) return;
      touching.set(event.pointerId, event);
      this.isCutting = event.target === this.divider || (this.mode === "slider" && this.view.zoom === 1);
      this.panes.setPointerCapture(event.pointerId);
    });
    this.panes.addEventListener("pointermove", (event) => {
      const before = touching.get(event.pointerId);
      if (!before) return;
      if (touching.size === 2) {
        const was = apart();
        touching.set(event.pointerId, event);
        return this.zoomBy(apart() / was);
      }
      touching.set(event.pointerId, event);
      if (!this.isCutting) return this.panBy(event.clientX - before.clientX, event.clientY - before.clientY);
      const { left } = this.stages[0].stage.getBoundingClientRect();
      this.knob.value = (100 * (event.clientX - left)) / this.shown.width;
      this.turned();
    });
    for (const end of ["pointerup", "pointercancel"]) this.panes.addEventListener(end, (event) => touching.delete(event.pointerId));
    this.element.addEventListener("keyup", (event) => {
      if (event.key === " " && this.heldSince && performance.now() - this.heldSince > HELD_MS) this.flip();
      if (event.key === " ") this.heldSince = 0;
    });
  }

  // Whether a key did something here.
  key(event) {
    const names = Object.keys(MODES), { target, key } = event;
    if (target.matches?.("input[type=range]") && key.startsWith("Arrow")) return false;
    if ((key === " " || key === "Enter") && target.matches?.("button, input") && target.closest("dialog")) return false;
    if (key === " ") {
      if (!event.repeat) { this.heldSince = performance.now(); this.flipNow(); }
      return true;
    }
    const keys = {
      b: () => this.element.close(), c: () => this.element.close(), a: () => (this.mode === "swap" ? this.blink(!this.timer) : this.setMode("swap")),
      l: () => this.next(1), h: () => this.next(-1), ArrowRight: () => this.next(1), ArrowLeft: () => this.next(-1),
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

// How many pixels of the screen a pixel of a thumbnail takes, beside one of the kept thumbnail.
function stretch(side, { map, sides }) {
  if (side.role === "kept" || !map) return 1;
  const [width, height] = sides.other.size;
  const [a, b] = [mapped(map, [0, 0]), mapped(map, [width, height])];
  return Math.hypot(a[0] - b[0], a[1] - b[1]) / Math.hypot(width, height);
}

function setStyles(element, styles) {
  for (const [name, value] of Object.entries(styles)) element.style[name] = value;
}

function place(element, [width, height], [a, b, c, d, e, f, g, h, i]) {
  setStyles(element, {
    width: `${width}px`, height: `${height}px`,
    transform: `matrix3d(${[a, d, 0, g, b, e, 0, h, 0, 0, 1, 0, c, f, 0, i]})`,
  });
}
