// Activity: what runs and ran, what was moved and how to take it back, folders to index, files that cannot be read.

import { ask, send } from "./api.js";
import { button, coded, failed, make, say, toast } from "./dom.js";
import { onLive } from "./live.js";
import { leftAlone, more, undoRun } from "./plan.js";
import { progress } from "./progress.js";
import { here } from "./state.js";
import { base, count, figure, fileSize, folder, moment, placed } from "./words.js";

const STATES = { away: "away: connect its drive", empty: "empty: is its drive connected?", "other drive": "another drive is in its place",
  suspect: "more than half of its photos are missing", remote: "in an object store: lookalike bulk plan", new: "in the config file, not indexed yet" };
const SHOWN_ERRORS = 200, SHOWN_JOBS = 5;

export default class Activity {
  constructor(page) {
    this.page = page;
    this.jobs = make("div.stack");
    this.runs = make("div.stack");
    this.folders = make("div.stack");
    this.errors = make("div.stack");
    const part = (title, body) => make("section.part-of", { "aria-label": title }, make("h2", {}, title), body);
    this.element = make("section.activity", { "aria-label": "Activity" },
      part("Now", this.jobs), part("Folders", this.folders), part("Files that were moved", this.runs), part("Files that cannot be read", this.errors));
    onLive("job", (job) => this.heard(job));
    for (const kind of ["runs", "missed", "library"]) onLive(kind, () => this.soon());
  }

  async show() {
    const showing = (this.showing = (this.showing ?? 0) + 1);
    try {
      const [jobs, runs, roots, errors] = await Promise.all(["jobs", "runs", "roots", "errors"].map((each) => ask(each)));
      if (showing !== this.showing) return;  // a later answer came first
      this.rows = jobs.jobs;
      this.paintJobs();
      this.paintRuns(runs.journals);
      this.paintFolders(roots);
      this.paintErrors(errors.errors);
    } catch (error) {
      failed(error);
    }
  }

  // Drives come and go without a word.
  tick() {
    if (this.isMoving) this.soon();  // another program does not say when it ends
    ask("roots").then((found) => this.paintFolders(found), failed);
  }

  soon() {
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => here().view === "activity" && this.show(), 150);
  }

  heard(job) {
    if (here().view !== "activity" || !this.rows) return;
    const place = this.rows.findIndex(({ id }) => id === job.id), was = this.rows[place]?.state;
    if (place >= 0) this.rows[place] = job;
    else this.rows.unshift(job);
    this.paintJobs();
    if (job.state === "running" && ["apply", "undo"].includes(job.kind) && !this.isMoving) this.soon();  // its run begins with the first file
    if (job.state === "running" || job.state === was) return;
    say(job.words);
    this.page.refresh();
    this.soon();
  }

  paintJobs() {
    const rows = this.rows.slice(0, SHOWN_JOBS);
    this.isBusy = rows.some(({ state }) => state === "running");
    this.jobs.replaceChildren(...(rows.length ? rows.map(progress) : [make("p.soft", {}, "Nothing runs.")]));
    for (const each of this.folders.querySelectorAll("button[data-starts]")) each.disabled = this.isBusy || !this.page.status.can_write;
  }

  paintFolders({ folders: rows, pictures }) {
    const wanted = JSON.stringify([rows, pictures]);
    if (wanted === this.shownFolders) return;  // somebody may be writing or choosing there
    this.shownFolders = wanted;
    const canWrite = this.page.status.can_write;
    const boxes = rows.map((row) => {
      const box = make("input", { type: "checkbox", value: row.id, checked: row.is_there, disabled: !row.is_there });
      return make("label.option", {}, box, make("span", {}, make("span.name", {}, row.path), STATES[row.state] && make("span.tag.warn", {}, STATES[row.state])));
    });
    const path = make("input", { type: "text", name: "path", placeholder: "Pictures/2024, or a whole path: /media/photos", "aria-label": "Path of a folder", spellcheck: false, disabled: !canWrite });
    const starts = (words, run, more = {}) => {
      const made = button(words, run, { disabled: !canWrite || this.isBusy, ...more });
      made.dataset.starts = "";
      return made;
    };
    const chosen = () => boxes.map((each) => each.querySelector("input")).filter(({ checked }) => checked).map(({ value }) => value);
    const form = make("form.inline", {}, path, starts("Index this folder", null, { type: "submit", main: !rows.length && !pictures }));
    form.addEventListener("submit", (event) => { event.preventDefault(); if (path.value.trim()) this.start({ kind: "index", path: path.value.trim() }); });
    this.folders.replaceChildren(...boxes,
      make("div.actions", {}, !rows.length ? null : starts("Index the chosen folders", () => (chosen().length ? this.start({ kind: "index", folders: chosen() }) : toast("Choose a folder first.")), { main: true }),
        pictures && starts(`Index ${pictures}`, () => this.start({ kind: "index", path: pictures }), { main: !rows.length }),
        !rows.length ? null : starts("Look for copies", () => this.start({ kind: "dupes" }))),
      form, canWrite ? "" : make("p.soft", {}, ...coded("This page only shows. Start it with `lookalike serve --write` to index from here.")));
  }

  async start(body) {
    for (const each of document.querySelectorAll(".toast.error")) each.remove();  // of the last try
    try {
      const { job } = await send("jobs", body);
      this.heard(job);
    } catch (error) {
      failed(error);
    }
  }

  paintRuns(rows) {
    this.isMoving = rows.some((row) => row.is_going);
    const line = (row) => {
      const when = make("strong", {}, row.is_going ? "Being moved or put back right now" : `${count(row.files, "file")}, ${moment(row.began)}`);
      if (row.is_going) return make("div.run", {}, when);
      const isBack = row.standing === 0;
      const undo = isBack ? make("span.tag", {}, row.put_back ? (row.deleted || row.gone ? "partly put back" : "put back") : row.deleted ? "deleted" : "gone") : button(row.is_whole ? "Undo…" : "Settle: undo…", () => this.askUndo(row), { disabled: !this.page.status.can_write });
      return make("div.run", {}, make("div", {}, when, make("p.soft", {}, fatesOf(row)),
        isBack ? null : make("p.soft", {}, ...coded(row.free), copier(row.free)),
        row.is_whole ? null : make("p.warning", {}, "This run was cut off in its middle. Undo settles each of its files; nothing was lost."),
        row.trouble ? make("p.warning", {}, row.trouble) : null,
        row.not_removed ? make("p.warning", {}, `${count(row.not_removed, "file")} could not be deleted and can still be put back`) : null,
        row.damaged_lines ? make("p.warning", {}, `${count(row.damaged_lines, "line")} of its journal cannot be read: look into the quarantine, too`) : null), undo);
    };
    this.runs.replaceChildren(...(rows.length ? rows.map(line) : [make("p.soft", {}, "Nothing was moved yet.")]));
  }

  async askUndo(row) {
    let files, words;
    try {
      ({ files, words } = await send(`runs/${row.run}/check`, {}));
    } catch (error) {
      return failed(error);
    }
    const back = files.filter(({ state }) => state === "planned"), left = files.filter(({ state }) => state === "left");
    const putBack = (words, ids, more) => button(words, () => { dialog.close(); undoRun(row.run, ids).then(() => this.soon()); }, more);
    const list = [...leftAlone(left, this.page.roots, "not put back"), ...back.slice(0, SHOWN_ERRORS).map((each) => make("div.outcome.planned", {},
      make("span.name", {}, base(each.path)), make("span.soft", { title: folder(each.path) }, placed(folder(each.path), this.page.roots)),
      back.length > 1 && each.method !== "merge" && putBack("Put back", [each.id], { "aria-label": `Put back ${base(each.path)}` }))), more(back.length - SHOWN_ERRORS)];
    const dialog = make("dialog.sheet.undo", { "aria-label": "Undo a run", onclose: () => dialog.remove() }, make("h2", {}, "Undo this run"),
      make("p.big", {}, words), make("div.outcomes", { tabIndex: 0 }, ...list),
      make("div.actions", {}, button("Close", () => dialog.close()), putBack(back.length > 1 ? "Put all back" : "Put it back", null, { main: true, disabled: !back.length })));
    document.body.append(dialog);
    dialog.showModal();
    return undefined;
  }

  paintErrors(rows) {
    this.errors.replaceChildren(...(rows.length ? [make("p.soft", {}, count(rows.length, "file")),
      ...rows.slice(0, SHOWN_ERRORS).map((row) => make("div.outcome", {}, make("span.name", {}, base(row.path)), make("span.soft", {}, folder(row.path)), make("span", {}, row.message)))]
      : [make("p.soft", {}, "Every file could be read.")]));
  }

  key() {
    return false;
  }
}

// What became of the files of a run.
function fatesOf(row) {
  const parts = [row.put_back && `${figure(row.put_back)} put back`, row.deleted && `${figure(row.deleted)} deleted for good`, row.gone && `${figure(row.gone)} no longer where ${row.gone === 1 ? "it was" : "they were"} put`];
  const places = [row.in_quarantine + row.not_removed && "the quarantine", row.in_trash && "the trash", row.away && "a folder that is away"].filter(Boolean);
  const wait = row.standing && `${count(row.standing, "file waits", "files wait")} in ${places.join(" and ")} (${row.folders.map(({ path }) => path).join(", ")}), ${fileSize(row.bytes)}`;
  return [wait, ...parts].filter(Boolean).join("; ");
}

// A button that copies the command in a sentence, where the browser lets a page do that.
function copier(words) {
  const command = words.split("`")[1];
  return command && navigator.clipboard ? button("Copy", () => navigator.clipboard.writeText(command).then(() => say("copied"), failed)) : null;
}
