// One act for many groups: all that are shown, only files in a folder, only some kind of change, a folder full of copies.

import { ask, send } from "./api.js";
import { button, failed, make, toast } from "./dom.js";
import { go, here } from "./state.js";
import { count, figure, placed } from "./words.js";

const ACTS = [
  ["go", "Move them"], ["stay", "Let them stay"], ["keep", "Keep these, move the others", "these: of the folder or the change chosen below"],
  ["propose", "As it was proposed", "forget what was chosen"], ["look", "Looked at", "the groups, as they are"], ["skip", "Skip", "for another time"],
  ["rejected", "Not copies", "remember that they are different pictures"],
];
const OF_FILES = ["go", "stay", "keep"];
const CHANGES = {
  exact: "same bytes", metadata: "same pixels", resaved: "saved again", resized: "made smaller or larger", converted: "converted", cropped: "cropped",
  framed: "in a frame", turned: "turned", mirrored: "mirrored", edited: "edited", tilted: "tilted", photo: "photos of a picture", copy: "other copies",
};

// What may go by one act for many files.
function whatMayGo() {
  const box = make("input", { type: "checkbox", name: "safe", checked: true });
  return { box, element: make("label.option", {}, box, make("span", {}, make("strong", {}, "Only what loses nothing"),
    make("span.soft", {}, "Without this, edits, finer copies and those with more keywords go, too. What is in doubt, protected or a backup stays."))) };
}

function sheet(words, ...content) {
  const dialog = make("dialog.sheet", { "aria-label": words, onclose: () => dialog.remove() }, ...content);
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export async function askMany(view) {
  const at = here();
  const [{ folders }, { changes }] = await Promise.all([ask("facets"), ask("groups/changes")]);
  view.folders = folders;
  const folder = make("select", { name: "folder", "aria-label": "In which folder", onchange: () => paint() }, make("option", { value: "" }, "in any folder"),
    ...folders.map((row) => make("option", { value: row.id }, `in ${row.path}`)));
  const change = make("select", { name: "change", "aria-label": "What was done to them", onchange: () => paint() }, make("option", { value: "" }, "whatever was done to them"),
    ...changes.map((row) => make("option", { value: row.name }, CHANGES[row.name] ?? row.name)));
  folder.value = at.folder ?? "";
  change.value = at.change ?? "";
  const acts = ACTS.filter(([name]) => name !== "rejected" || view.page.status.can_write).map(([name, words, about], i) =>
    make("label.option", {}, make("input", { type: "radio", name: "act", value: name, checked: i === 0, onchange: () => paint() }),
      make("span", {}, make("strong", {}, words), about && make("span.soft", {}, about))));
  const safe = whatMayGo();
  const files = make("fieldset", {}, make("legend", {}, "Which files"), make("div.two", {}, folder, change), safe.element);
  const form = make("form", { method: "dialog" }, make("h2", {}, `${count(view.list.count, "group")} shown`),
    make("fieldset.options", {}, make("legend", {}, "What becomes of them"), ...acts), files,
    make("p.soft", {}, "This only chooses; one Undo takes all of it back."),
    make("div.actions", {}, button("Cancel", () => dialog.close()), make("button.main", { type: "submit" }, "Do it")));
  const dialog = sheet("All groups that are shown", form);
  const chosen = () => form.elements.act.value;
  const paint = () => {
    files.disabled = !OF_FILES.includes(chosen());
    safe.box.disabled = chosen() !== "go";
    folder.required = chosen() === "keep" && !change.value;  // of all there would be no others
  };
  form.addEventListener("submit", () => {
    const { state = "", folder: within = "", change: of = "", text = "" } = here(), shown = { state, folder: within, change: of, text };
    const only = files.disabled ? {} : { folder: folder.value, change: change.value };
    chosen() === "rejected" ? act(view, "decisions", { kind: "rejected", shown })
      : act(view, "review", { do: chosen(), shown, only, lossy: !safe.box.checked });
  });
}

// Folders full of copies of others: each of them is one decision.
export async function showFolders(view) {
  const { folders: rows } = await ask("groups/folders");
  const safe = whatMayGo();
  const choose = (words, row, what, more) => button(words, () => {
    dialog.close();
    act(view, "review", { do: what, shown: {}, only: { folder: row.id, below: false }, lossy: !safe.box.checked });
  }, { "aria-label": `${words}: ${row.path}`, ...more });
  const short = ({ path }) => placed(path, view.acts.roots), elsewhere = (row) => row.of.reduce((left, { copies }) => left - copies, row.copies);
  const hasBelow = ({ path }) => rows.some((row) => row.path.startsWith(`${path}/`));
  const line = (row) => make("div.pair", {},
    make("p", {}, make("strong", { title: row.path }, short(row)), ` · ${figure(row.copies)} of ${count(row.files, "file")} ${hasBelow(row) ? "in the folder itself " : ""}${row.copies === 1 ? "is a copy" : "are copies"}`,
      make(row.safe === row.copies ? "span.more" : "span.less", {}, row.safe === row.copies ? " · nothing would be lost" : row.safe ? ` · ${figure(row.safe)} ${row.safe === 1 ? "is" : "are"} safe to move` : " · none is safe to move")),
    make("p.soft", {}, `of ${row.of.map((home) => `${figure(home.copies)} in ${home.path === row.path ? "the same folder" : short(home)}`).join(", ")}${elsewhere(row) ? ` and ${figure(elsewhere(row))} more elsewhere` : ""}`),
    make("div.actions", {}, button("Show", () => { dialog.close(); go({ folder: row.id, group: null, state: null, text: null }); }),
      choose("Move them", row, "go", { className: row.safe ? "" : "losing" }), choose("Let them stay", row, "stay"),
      choose("Keep these, move the others", row, "keep")));
  const dialog = sheet("Copies by folder", make("h2", {}, "Copies by folder"), safe.element,
    make("div.outcomes", { tabIndex: 0, role: "region", "aria-label": "Folders" }, ...(rows.length ? rows.map(line) : [make("p.soft", {}, "No copies are known.")])),
    make("p.soft", {}, "Nothing is moved yet: this chooses, and the plan has it all to look at."),
    make("div.actions", {}, button("Close", () => dialog.close())));
  const paint = () => { for (const each of dialog.querySelectorAll(".losing")) each.disabled = safe.box.checked; };
  safe.box.addEventListener("change", paint);
  paint();
}

async function act(view, path, body) {
  try {
    const answer = await view.inTurn(() => send(path, body));
    view.forget();
    await view.load();
    await view.showGroup(here());
    toast(effectOf(answer, view.acts.roots), answer.step ? { action: { words: "Undo", run: () => view.undo(answer.step) }, seconds: 10 } : {});
  } catch (error) {
    failed(error);
  }
}

function effectOf({ changed, effect }, roots) {
  const { to_move: going, to_stay: staying, folders, from } = effect ?? {};
  const parts = [going && `${count(going, "file")} now to move from ${placed(from[0].path, roots)}${folders > 1 ? ` and ${count(folders - 1, "more folder")}` : ""}`,
    staying && `${count(staying, "file stays", "files stay")} now`].filter(Boolean);
  return parts.join("; ") || (changed ? `${count(changed, "group")} changed` : "Nothing changed");
}
