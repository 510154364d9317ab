// A part of a picture to search by: drawn by mouse or finger, or set by keys and numbers.

import { button, make, say } from "./dom.js";

const STEP = 0.01;

export function chooseBox(source, before, done) {
  let [x, y, width, height] = before ? before.split(",").map(Number) : [0.25, 0.25, 0.5, 0.5];
  const image = make("img", { src: source, alt: "the picture to search by", draggable: false });
  const frame = make("div.rubber", { tabIndex: 0, role: "group", "aria-label": "Part: arrow keys move it, with Shift they resize it" });
  for (const corner of ["nw", "ne", "sw", "se"]) frame.append(make(`span.handle.${corner}`));
  const stage = make("div.boxing", {}, image, frame);
  const inputs = Object.fromEntries(["left", "top", "width", "height"].map((name) =>
    [name, make("input", { type: "number", min: 0, max: 100, step: 1, "aria-label": `${name}, in percent` })]));
  const dialog = make("dialog.boxer", { "aria-label": "Search by a part", onclose: () => dialog.remove() },
    make("h2", {}, "Search by a part"), make("p", {}, "Draw a box around what you are looking for."), stage,
    make("div.actions", {}, ...Object.entries(inputs).map(([name, input]) => make("label", {}, `${name} `, input, " %")),
      button("Cancel", () => dialog.close()), button("Search", () => finish(), { main: true, key: "Enter" })));

  function paint() {
    [width, height] = [Math.max(0.02, Math.min(1, width)), Math.max(0.02, Math.min(1, height))];
    [x, y] = [Math.max(0, Math.min(1 - width, x)), Math.max(0, Math.min(1 - height, y))];
    Object.assign(frame.style, { left: `${100 * x}%`, top: `${100 * y}%`, width: `${100 * width}%`, height: `${100 * height}%` });
    const shares = { left: x, top: y, width, height };
    for (const [name, input] of Object.entries(inputs)) {
      if (document.activeElement !== input) input.value = Math.round(100 * shares[name]);
    }
  }
  function finish() {
    dialog.close();
    done([x, y, width, height].map((each) => each.toFixed(4)).join(","));
  }
  const place = ({ clientX, clientY }) => {
    const { left, top, width: wide, height: high } = stage.getBoundingClientRect();
    return [Math.max(0, Math.min(1, (clientX - left) / wide)), Math.max(0, Math.min(1, (clientY - top) / high))];
  };
  const span = ([ax, ay], [bx, by]) => {
    [x, y, width, height] = [Math.min(ax, bx), Math.min(ay, by), Math.abs(ax - bx), Math.abs(ay - by)];
    paint();
  };
  stage.addEventListener("pointerdown", (event) => {
    const start = place(event), was = [x, y];
    const corner = event.target.closest(".handle");
    const isInside = event.target === frame;
    const opposite = corner && [corner.classList.contains("nw") || corner.classList.contains("sw") ? x + width : x,
      corner.classList.contains("nw") || corner.classList.contains("ne") ? y + height : y];
    stage.setPointerCapture(event.pointerId);
    stage.onpointermove = (move) => {
      const now = place(move);
      if (corner) span(opposite, now);
      else if (isInside) { [x, y] = [was[0] + now[0] - start[0], was[1] + now[1] - start[1]]; paint(); }
      else span(start, now);
    };
    stage.onpointerup = () => (stage.onpointermove = null);
    event.preventDefault();
    frame.focus();
  });
  dialog.addEventListener("keydown", (event) => {
    const [across, down] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key] ?? [0, 0];
    if (event.key === "Enter" && event.target.tagName !== "BUTTON") finish();
    else if ((across || down) && event.target === frame) {
      if (event.shiftKey) { width += across * STEP; height += down * STEP; } else { x += across * STEP; y += down * STEP; }
      paint();
      say(`left ${Math.round(100 * x)}, top ${Math.round(100 * y)}, ${Math.round(100 * width)} by ${Math.round(100 * height)} percent`);
    } else return;
    event.preventDefault();
    event.stopPropagation();
  });
  for (const [name, input] of Object.entries(inputs)) {
    input.addEventListener("input", () => {
      const share = Number(input.value) / 100;
      ({ left: () => (x = share), top: () => (y = share), width: () => (width = share), height: () => (height = share) })[name]();
      paint();
    });
  }
  document.body.append(dialog);
  dialog.showModal();
  frame.focus();
  paint();
}
