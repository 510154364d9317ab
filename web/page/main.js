// The page: its views, what stands above them, keys that work everywhere, and pictures that are dropped on it.

import { ask, begin } from "./api.js";
import { $, button, coded, failed, isTyping, make } from "./dom.js";
import { told } from "./live.js";
import { PhotoView } from "./photo.js";
import { Photos, searchBy } from "./photos.js";
import { go, here, onGo, tell } from "./state.js";

const VIEWS = [["", "Photos"], ["copies", "Copies"], ["activity", "Activity"]];
const LATER = { copies: () => import("./copies.js"), activity: () => import("./activity.js") };
const views = {};
const REFRESH_MS = 5000;
const EXPIRED = "This page does not belong to the `lookalike serve` that runs now. Start that again, with `--write` if you had it: it opens a new tab, or shows the address. Close this one.";
const AWAY = (write) => `The server does not answer. Start \`lookalike serve${write}\` again: it opens a new tab; close this one.`;

const photos = new Photos((id, position) => go({ photo: String(id), at: String(position) }));
const photo = new PhotoView((by) => {
  const at = Number(here().at ?? NaN) + by, next = Number.isNaN(at) ? null : photos.grid.photo(at);
  return next ? { id: next.id, at } : null;
});

async function paint(at) {
  const place = location.search;
  $("main").ariaBusy = "true";
  await paintViews(at);
  if (place === location.search) $("main").ariaBusy = "false";
}

async function paintViews(at) {
  const place = location.search;
  for (const tab of $("tabs").children) {
    const isHere = (at.view ?? "") === tab.dataset.view;
    isHere ? tab.setAttribute("aria-current", "page") : tab.removeAttribute("aria-current");
  }
  const name = at.view && LATER[at.view] ? at.view : "";
  try {
    views[name] ??= name ? new (await LATER[name]()).default(page) : photos;
  } catch (error) {
    return failed(error);
  }
  if ($("main").firstChild !== views[name].element) $("main").replaceChildren(views[name].element);
  $("find").elements.text.value = at.label ?? at.where ?? at.words ?? "";
  await views[name].show(at);
  if (place !== location.search) return undefined;  // somebody went on meanwhile, and has that painted
  await photo.show(at.photo ? Number(at.photo) : null);
}

// What views share.
export const page = {
  status: {}, photos, go, refresh,
  get roots() { return (page.status.folders ?? []).map(({ path }) => path); },
};

async function refresh() {
  const before = page.status.revision;
  try {
    page.status = await ask(here().view === "copies" ? "status" : "status?brief=1");
  } catch (error) {
    return lasting(error);
  }
  document.documentElement.classList.toggle("can-write", page.status.can_write);
  if (trouble("")) {  // it was away
    photos.shown = "";
    tell();
    told("missed");
  } else {
    const { revision } = page.status, isOther = before && before !== revision;
    // A server that is busy shows what was: asked again until it is the same.
    if (isOther || (photos.of && photos.of !== revision)) photos.changed(revision);
    if (isOther) told("library");
  }
}

const lasting = (error) => trouble(error.status === 401 ? EXPIRED : error.code === "away" ? AWAY(page.status.can_write ? " --write" : "") : error.message);
addEventListener("trouble", ({ detail }) => lasting(detail));

// Say what is wrong for as long as it lasts; returns what was.
function trouble(words) {
  const bar = $("trouble"), before = bar.words;
  if (before !== words) bar.replaceChildren(...coded(words));
  bar.words = words;
  bar.hidden = !words;
  return before;
}

// --- what stands above ------------------------------------------------------------------------------------

function fillTop() {
  $("skip").textContent = "Skip to the photos";
  $("tabs").setAttribute("aria-label", "Views");
  $("tabs").replaceChildren(...VIEWS.map(([view, words]) => {
    const tab = make("a", { href: view ? `?view=${view}` : "?" }, words);
    tab.dataset.view = view;
    tab.addEventListener("click", (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      go(view ? { view } : {}, { fresh: true });
    });
    return tab;
  }));
  $("brand").addEventListener("click", (event) => { event.preventDefault(); go({}, { fresh: true }); });
  const file = make("input", { type: "file", accept: "image/*,.heic,.heif,.avif,.jp2,.tif,.tiff", hidden: true, tabIndex: -1,
    "aria-label": "a picture to search by", onchange: () => { searchBy(file.files[0]); file.value = ""; } });
  const text = make("input", { type: "search", name: "text", autocomplete: "off", spellcheck: false,
    placeholder: "dog · Lyon · camera~Pixel · width>4000",
    "aria-label": "Find by what photos show, by words, or by a condition" });
  $("find").replaceChildren(text, button("Search by picture", () => file.click(), { className: "with-picture", title: "or drop or paste one anywhere" }), file);
  $("find").addEventListener("submit", async (event) => {
    event.preventDefault();
    const value = text.value.trim(), isCondition = /[<>=~()]|\bhas\b/.test(value);
    const isLabel = value && !isCondition && (await ask(`labels/${encodeURIComponent(value)}`).catch(() => ({}))).is_known;
    go({ view: null, photo: null, where: null, label: null, words: null, [isCondition ? "where" : isLabel ? "label" : "words"]: value });
  });
  $("tools").replaceChildren(
    button("◐", changeTheme, { "aria-label": "Light or dark", title: "light or dark (t)" }),
    button("?", showHelp, { "aria-label": "Help: keys", title: "keys (?)" }));
}

function changeTheme() {
  const isDark = (localStorage.getItem("theme") ?? (matchMedia("(prefers-color-scheme: dark)").matches && "dark")) === "dark";
  localStorage.setItem("theme", isDark ? "light" : "dark");
  useTheme();
}

function useTheme() {
  const theme = localStorage.getItem("theme");
  if (theme) document.documentElement.dataset.theme = theme;
}

const KEYS = [
  ["/", "search"], ["←  →  ↑  ↓", "from photo to photo"], ["Enter", "open the photo"], ["Esc", "back"],
  ["x", "select"], ["f", "find photos like this one"], ["m  w", "more like this one, or without such"],
  ["b", "search by a part of the example"], ["g", "go to a month"], ["+  -", "larger, smaller pictures"],
  ["t", "light or dark"], ["?", "this help"],
];

function showHelp() {
  const dialog = make("dialog.help", { "aria-label": "Keys", onclose: () => dialog.remove() }, make("h2", {}, "Keys"),
    make("dl", {}, ...(views[here().view ?? ""]?.help ?? KEYS).flatMap(([key, words]) => [make("dt", {}, ...key.split("  ").filter(Boolean).map((each) => make("kbd", {}, each))), make("dd", {}, words)])),
    make("label.option", {}, make("input", { type: "checkbox", checked: !areKeysOff(), onchange: (event) => turnKeys(event.target.checked) }), "Single-key shortcuts"),
    make("p", {}, "Drop a picture anywhere, or paste one, to find photos like it."),
    make("div.actions", {}, button("Close", () => dialog.close(), { main: true })));
  document.body.append(dialog);
  dialog.showModal();
}

// Who speaks to the computer, or hits keys unawares, turns single keys off; arrows, Enter, Space and Esc stay.
const areKeysOff = () => localStorage.getItem("keys") === "off";
function turnKeys(on) {
  localStorage.setItem("keys", on ? "" : "off");
  document.documentElement.classList.toggle("no-keys", !on);
}

addEventListener("keydown", (event) => {
  const isSingle = event.key.length === 1 && event.key !== " " && !event.ctrlKey && !event.metaKey && !event.altKey;
  if (isSingle && areKeysOff() && !isTyping(event.target)) event.stopImmediatePropagation();
}, true);

// --- keys and pictures from outside -------------------------------------------------------------------------

addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target) || document.querySelector("dialog[open]")) return;
  const keys = { "/": () => $("find").elements.text.focus(), "?": showHelp, t: changeTheme };
  const view = views[here().view ?? ""];
  if (keys[event.key]) keys[event.key]();
  else if (event.key === "Escape" && (here().like || here().label)) go({ like: null, label: null, box: null });
  else if (!view?.key?.(event)) return;
  event.preventDefault();
});

let depth = 0;
const hasFile = (event) => [...(event.dataTransfer?.types ?? [])].includes("Files");
addEventListener("dragenter", (event) => { if (hasFile(event)) { depth += 1; $("drop").hidden = false; event.preventDefault(); } });
addEventListener("dragover", (event) => hasFile(event) && event.preventDefault());
addEventListener("dragleave", (event) => { if (hasFile(event) && --depth <= 0) { depth = 0; $("drop").hidden = true; } });
addEventListener("drop", (event) => {
  if (!hasFile(event)) return;
  event.preventDefault();
  depth = 0;
  $("drop").hidden = true;
  searchBy(event.dataTransfer.files[0]);
});
addEventListener("paste", (event) => {
  const file = [...(event.clipboardData?.files ?? [])].find((each) => each.type.startsWith("image/"));
  if (file && !isTyping(event.target)) { event.preventDefault(); searchBy(file); }
});

async function start() {
  useTheme();
  turnKeys(!areKeysOff());
  fillTop();
  $("drop").append(make("p", {}, "Drop the picture to find photos like it"));
  document.body.append(photo.element);
  onGo((at) => paint(at));
  try {
    await begin();
  } catch (error) {
    failed(error);
  }
  await Promise.all([refresh(), paint(here())]);
  setInterval(() => {
    if (document.hidden) return;
    refresh();
    for (const each of [views[here().view ?? ""], photo]) each?.tick?.();
  }, REFRESH_MS);
}

start();
