// Making and finding elements. Text is only ever set as text: names are a stranger's.

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
  element.append(...children.filter((each) => each !== null && each !== undefined && each !== false && each !== ""));
  return element;
}

export function button(words, onclick, { key, main, ...more } = {}) {
  const kbd = key ? [" ", make("kbd", { "aria-hidden": "true" }, key)] : [];
  const shortcut = key ? { "aria-keyshortcuts": key } : {};
  return make(main ? "button.main" : "button", { type: "button", onclick, ...shortcut, ...more }, words, ...kbd);
}

export const prefersStill = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
