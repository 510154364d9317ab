// One act for many groups: all that are shown, only files in a folder, only some kind of change.

import { ask, send } from "./api.js";
import { button, failed, make, toast } from "./dom.js";
import { here } from "./state.js";
import { count } from "./words.js";

const ACTS = [
  ["go", "Move them", "the files that are meant are to be moved, where nothing forbids it"],
  ["stay", "Let them stay", "the files that are meant stay"],
  ["keep", "Keep them", "a file that is meant is the kept one of its group"],
  ["propose", "As it was proposed", "forget what was chosen in these groups"],
  ["look", "Looked at", "count the groups as looked at, as they are"],
  ["skip", "Skip", "look at the groups another time"],
  ["rejected", "Not copies", "remember that the pictures of these groups are different ones"],
];
const OF_FILES = ["go", "stay", "keep"];
const CHANGES = {
  exact: "same bytes", metadata: "same pixels", resaved: "saved again", resized: "made smaller or larger", converted: "converted", cropped: "cropped",
  framed: "in a frame", turned: "turned", mirrored: "mirrored", edited: "edited", tilted: "tilted", photo: "photos of a picture", copy: "other copies",
};

export async function askMany(view) {
  const at = here();
  let folders, changes;
  try {
    [{ folders }, { changes }] = await Promise.all([ask("facets"), ask("groups/changes")]);
  } catch (error) {
    return failed(error);
  }
  view.folders = folders;
  const folder = make("select", { name: "folder", "aria-label": "In which folder" }, make("option", { value: "" }, "in any folder"),
    ...folders.map((row) => make("option", { value: row.id }, `in ${row.path}`)));
  const change = make("select", { name: "change", "aria-label": "What was done to them" }, make("option", { value: "" }, "whatever was done to them"),
    ...changes.map((row) => make("option", { value: row.name }, CHANGES[row.name] ?? row.name)));
  folder.value = at.folder ?? "";
  change.value = at.change ?? "";
  const acts = ACTS.filter(([name]) => name !== "rejected" || view.page.status.can_write).map(([name, words, about], i) =>
    make("label.option", {}, make("input", { type: "radio", name: "act", value: name, checked: i === 0, onchange: () => paint() }),
      make("span", {}, make("strong", {}, words), make("span.soft", {}, about))));
  const files = make("fieldset", {}, make("legend", {}, "Which files of a group"), make("div.two", {}, folder, change));
  const form = make("form", { method: "dialog" }, make("h2", {}, `${count(view.list.count, "group")} shown`),
    make("fieldset.options", {}, make("legend", {}, "What becomes of them"), ...acts), files,
    make("p.soft", {}, "Protected files and hard links stay in any case. One Undo takes all of it back."),
    make("div.actions", {}, button("Cancel", () => dialog.close()), make("button.main", { type: "submit" }, "Do it")));
  const dialog = make("dialog.sheet", { "aria-label": "All groups that are shown", onclose: () => dialog.remove() }, form);
  const chosen = () => form.elements.act.value;
  const paint = () => (files.disabled = !OF_FILES.includes(chosen()));
  form.addEventListener("submit", () => run(view, chosen(), { folder: folder.value, change: change.value }));
  document.body.append(dialog);
  dialog.showModal();
  return undefined;
}

async function run(view, act, only) {
  const { state = "", folder = "", change = "", text = "" } = here(), shown = { state, folder, change, text };
  try {
    const answer = await view.inTurn(() => (act === "rejected" ? send("decisions", { kind: "rejected", shown })
      : send("review", { do: act, shown, only: OF_FILES.includes(act) ? only : {} })));
    view.forget();
    await view.load();
    await view.showGroup(here());
    toast(`${count(answer.changed, "group")} changed`, answer.step ? { action: { words: "Undo", run: () => view.undo(answer.step) }, seconds: 10 } : {});
  } catch (error) {
    failed(error);
  }
}
