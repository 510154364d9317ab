// Elements, and what the page says.

import { $, button, make, prefersStill } from "./review/elements.js";

export { $, button, make, prefersStill };

let saying = 0;
// For screen readers.
export function say(words) {
  const status = $("status");
  status.textContent = "";
  clearTimeout(saying);
  saying = setTimeout(() => (status.textContent = words), 40);
}

// What one types stands in `…`: in letters of its own, broken between words only, and to copy.
export function coded(words) {
  return words.split("`").map((each, i) => (i % 2 ? make("code", {}, ...each.split(" ").flatMap((word) => [make("span", {}, word), " "]).slice(0, -1)) : each));
}

// For everybody: a line that goes away by itself, with a way back where there is one.
export function toast(words, { kind = "", action, seconds = 6 } = {}) {
  const close = () => line.remove();
  const back = action && button(action.words, () => { close(); action.run(); });
  const line = make(`div.toast${kind ? `.${kind}` : ""}`, { role: kind === "error" ? "alert" : undefined },
    make("span", {}, ...coded(words)), back, button("×", close, { "aria-label": "close" }));
  // Where two are compared that is all of the page.
  (document.querySelector("dialog.compare[open]") ?? document.body).append($("toasts"));
  $("toasts").append(line);
  setTimeout(close, seconds * 1000);
  return close;
}

export function failed(error) {
  if (error.name === "AbortError") return;
  if (error.isLasting) return void dispatchEvent(new CustomEvent("trouble", { detail: error }));
  toast(error.message, { kind: "error", seconds: 12 });
}

export const isTyping = (target) => target.closest?.("input, textarea, select, [contenteditable]") !== null;
