// Making and finding elements. Text is only ever set as text.

export const $ = (id) => document.getElementById(id);

// make("button.main", {type: "button", onclick: f}, "Apply", other)
export function make(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag || "div");
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && !name.includes("-") && name !== "list" && name !== "role") element[name] = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((each) => each !== null && each !== undefined && each !== false));
  return element;
}

export function button(words, onclick, { key, main, ...more } = {}) {
  const kbd = key ? [" ", make("kbd", { "aria-hidden": "true" }, key)] : [];
  const shortcut = key ? { "aria-keyshortcuts": key } : {};
  return make(main ? "button.main" : "button", { type: "button", onclick, ...shortcut, ...more }, words, ...kbd);
}

let saying = 0;
// For screen readers.
export function say(words) {
  const status = $("status");
  status.textContent = "";
  clearTimeout(saying);
  saying = setTimeout(() => (status.textContent = words), 40);
}

// For everybody: a line that goes away by itself, with a way back where there is one.
export function toast(words, { kind = "", action, seconds = 6 } = {}) {
  const close = () => line.remove();
  const back = action && button(action.words, () => { close(); action.run(); });
  const line = make(`div.toast${kind ? `.${kind}` : ""}`, { role: kind === "error" ? "alert" : undefined },
    make("span", {}, words), back, button("×", close, { "aria-label": "close" }));
  $("toasts").append(line);
  setTimeout(close, seconds * 1000);
  return close;
}

export function failed(error) {
  if (error.name === "AbortError") return;
  toast(error.message, { kind: "error", seconds: 12 });
}

export const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]") !== null;
export const prefersStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
