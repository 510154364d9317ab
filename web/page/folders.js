// Folders full of copies of others: each of them is one decision.

import { ask, send } from "./api.js";
import { button, failed, make, toast } from "./dom.js";
import { go, here } from "./state.js";
import { count, figure } from "./words.js";

export async function showFolders(view) {
  let rows;
  try {
    rows = (await ask("groups/folders")).folders;
  } catch (error) {
    return failed(error);
  }
  const act = async (row, what) => {
    dialog.close();
    try {
      const answer = await view.inTurn(() => send("review", { do: what, shown: {}, only: { folder: row.id } }));
      view.forget();
      await view.load();
      await view.showGroup(here());
      toast(`${count(answer.changed, "group")} changed`, answer.step ? { action: { words: "Undo", run: () => view.undo(answer.step) }, seconds: 10 } : {});
    } catch (error) {
      failed(error);
    }
  };
  const line = (row) => make("div.pair", {},
    make("p", {}, make("strong", {}, row.path), ` · ${figure(row.copies)} of ${count(row.files, "photo")} ${row.copies === 1 ? "is a copy" : "are copies"}`),
    make("p.soft", {}, `of ${row.of.map((home) => `${figure(home.copies)} in ${home.path === row.path ? "the same folder" : home.path}`).join(", ")}`),
    make("div.actions", {}, button("Show", () => { dialog.close(); go({ folder: row.id, group: null, state: null, text: null }); }),
      button("Move them", () => act(row, "go"), { title: `those in ${row.path}, where nothing forbids it` }),
      button("Keep them", () => act(row, "keep"), { title: "the file of this folder is the kept one of its group" })));
  const dialog = make("dialog.sheet", { "aria-label": "Copies by folder", onclose: () => dialog.remove() }, make("h2", {}, "Copies by folder"),
    make("div.outcomes", { tabIndex: 0, role: "region", "aria-label": "Folders" }, ...(rows.length ? rows.map(line) : [make("p.soft", {}, "No copies are known.")])),
    make("p.soft", {}, "Nothing is moved yet: this chooses, and the plan has it all to look at."),
    make("div.actions", {}, button("Close", () => dialog.close())));
  document.body.append(dialog);
  dialog.showModal();
  return undefined;
}
