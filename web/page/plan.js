// What would be moved, looked at before it is: the plan's dry run, then the run itself, and the way back.

import { send } from "./api.js";
import { button, coded, failed, make, toast } from "./dom.js";
import { follow } from "./live.js";
import { progress } from "./progress.js";
import { base, count, figure, fileSize, folder, placed } from "./words.js";

const SHOWN = 300, TYPED_FROM = 500;
const METHODS = [["auto", "to the trash, or to a quarantine folder where there is none"], ["trash", "to the trash"], ["quarantine", "to a quarantine folder beside them"],
  ["hardlink", "replace exact copies by hard links"], ["reflink", "replace exact copies by clones (reflinks)"]];
const LINKS = { hardlink: "hard link", reflink: "clone", symlink: "link" };
const ALIKE = 3;  // files that are left for one reason are told of once from so many on
const MIXED = 20;  // more reasons of one kind are one line
const WHAT = { exact: "same bytes as", copy: "copy of", similar: "looks like" };

export async function reviewPlan(page) {
  if (document.querySelector("dialog.plan")) return;
  const sheet = new Sheet(page);
  document.body.append(sheet.element);
  sheet.element.showModal();
  await sheet.check();
}

class Sheet {
  constructor(page) {
    this.page = page;
    const scope = (value, words, checked) => make("label.option", {}, make("input", { type: "radio", name: "scope", value, checked, onchange: () => this.check() }), make("span", {}, words));
    this.form = make("form", {}, make("fieldset.options", {}, make("legend", {}, "Which groups"), scope("all", "All that are to be moved, also what was proposed", true),
      scope("looked", "Only groups that I looked at", false)),
      make("label.how", {}, "How ", make("select", { name: "method", onchange: () => this.check() }, ...METHODS.map(([value, words]) => make("option", { value }, words)))),
      make("label.option", {}, make("input", { type: "checkbox", name: "merge", onchange: () => this.check() }),
        make("span", {}, "First write what only the leaving files say (keywords, people, rating, title) into the sidecars of the kept ones")));
    this.sum = make("p.big", { role: "status" }, "Checking…");
    this.places = make("p.soft.sentence");
    this.body = make("div.outcomes", { tabIndex: 0, role: "region", "aria-label": "What would be done" });
    this.typed = make("input", { type: "text", inputMode: "numeric", autocomplete: "off", oninput: () => this.paintButtons() });
    this.confirm = make("label.confirm", { hidden: true });
    this.apply = button("", () => this.run(), { main: true, disabled: true });
    this.save = make("a.button", { download: "plan.json", hidden: true }, "Save the plan");
    this.notice = make("p.soft");
    this.element = make("dialog.sheet.plan", { "aria-label": "Review the plan", onclose: () => this.element.remove() },
      make("h2", {}, "Review the plan"), this.form, this.sum, this.places, this.body, this.confirm, this.notice,
      make("div.actions", {}, button("Close", () => this.element.close()), this.save, this.apply));
  }

  how() {
    const { method, merge } = this.form.elements;
    return { method: method.value, merge: merge.checked };
  }

  async check() {
    const checking = (this.checking = (this.checking ?? 0) + 1);
    this.checked = null;
    this.sum.textContent = "Checking…";
    this.places.textContent = "";
    this.save.hidden = true;
    this.paintButtons();
    try {
      const made = await send("plans", { scope: this.form.elements.scope.value });
      const checked = await send(`plans/${made.plan}/check`, this.how());
      if (checking !== this.checking) return;
      this.checked = checked;
      this.once = crypto.randomUUID();
      this.paint();
    } catch (error) {
      this.sum.textContent = error.message;
    }
  }

  paint() {
    const { files, places } = this.checked, planned = files.filter(({ state }) => state === "planned"), left = files.filter(({ state }) => state === "left");
    const { roots } = this.page;
    this.planned = planned.filter(({ method }) => method !== "merge").length;
    const losing = planned.filter(({ loses }) => loses);
    this.sum.textContent = `${this.checked.words || "Nothing is to be moved."}${losing.length ? `; ${figure(losing.length)} of these would or might lose something` : ""}`;
    this.body.hidden = !files.length;
    this.places.textContent = `${LINKS[this.how().method] && places.length ? "links take their places; " : ""}${places.join("; ")}`;
    this.body.replaceChildren(...losing.slice(0, SHOWN).map((row) => line(row, roots)), ...leftAlone(left, roots),
      ...planned.filter(({ loses }) => !loses).slice(0, Math.max(0, SHOWN - losing.length)).map((row) => line(row, roots)),
      more(planned.length - SHOWN, "; the plan has them all"));
    this.save.hidden = !files.length;
    this.save.href = `/api/plans/${this.checked.plan}`;
    this.confirm.hidden = this.planned < TYPED_FROM || !this.page.status.can_write;
    this.confirm.replaceChildren(`To move so many files, type their number (${this.planned}) `, this.typed);
    this.notice.replaceChildren(...coded(this.page.status.can_write ? "Right before, both files are read once more: only if neither has changed is it moved. Nothing is deleted, and all of it can be undone."
      : "This page only shows. Start it with `lookalike serve --write` to move files, or save the plan for `lookalike apply`."));
    this.paintButtons();
  }

  paintButtons() {
    const n = this.checked ? this.planned : 0;
    const verb = LINKS[this.how().method] ? "Replace" : "Move";
    this.apply.textContent = n ? `${verb} ${count(n, "file")}` : verb;
    this.apply.disabled = !n || !this.page.status.can_write || (!this.confirm.hidden && this.typed.value.replace(/\D/g, "") !== String(n));
  }

  async run() {
    this.apply.disabled = true;
    try {
      const body = { hash: this.checked.hash, ...this.how() };
      const { job } = await send(`plans/${this.checked.plan}/apply`, body, { headers: { "Idempotency-Key": this.once } });
      this.form.hidden = this.confirm.hidden = this.save.hidden = this.apply.hidden = true;
      this.notice.textContent = "You may close this; it goes on, and Activity shows it.";
      const ended = await follow(job.id, (now) => { this.sum.textContent = ""; this.body.hidden = false; this.body.replaceChildren(progress(now)); });
      this.ended(ended);
    } catch (error) {
      failed(error);
      if (error.status === 409) this.check();
    }
  }

  ended(job) {
    const { run, left = [], places = [], free = "" } = job.result;
    this.sum.textContent = job.words;
    this.places.replaceChildren(...coded([...places, free].filter(Boolean).join(". ")));
    this.body.hidden = !left.length;
    this.body.replaceChildren(...leftAlone(left, this.page.roots));
    this.notice.textContent = run ? "Activity has this run, and undoes it at any time." : "";
    const undo = run && { action: { words: "Undo", run: () => undoRun(run) }, seconds: 20 };
    const close = toast([job.words, free].filter(Boolean).join(". "), job.state === "failed" ? { kind: "error", seconds: 20 } : undo || {});
    if (run) said.set(run, close);
    if (job.state === "done" && !left.length) this.element.close();
  }
}

// What was said of a run is not true any more once it is undone.
const said = new Map();

// ids: of single files; null: all of the run.
export async function undoRun(run, ids = null) {
  said.get(run)?.();
  try {
    const { job } = await send(`runs/${run}/undo`, { files: ids });
    const ended = await follow(job.id, () => null);
    toast(ended.words, ended.state === "failed" ? { kind: "error", seconds: 20 } : {});
    return ended;
  } catch (error) {
    return failed(error);
  }
}

// Why a file was left, without its name, which stands before.
const reasonOf = ({ path, reason }) => (reason.startsWith(`${base(path)}: `) ? reason.slice(base(path).length + 2) : reason);

export const more = (n, where = "") => (n > 0 ? make("p.soft", {}, `and ${figure(n)} more${where}`) : "");

// Files that are left: those with a reason in common by one line, and those of a kind where each has its own.
export function leftAlone(rows, roots, verb = "left alone") {
  let room = SHOWN;
  const folded = (why, some, words) => {
    const named = some.slice(0, room);
    room -= named.length;
    return make("details.outcome.left", {}, make("summary", {}, `${count(some.length, "file")} ${verb}${why}`), ...named.map((row) => make("p.soft", {}, words(row))), more(some.length - named.length));
  };
  const name = (row) => placed(row.path, roots);
  return Object.values(Object.groupBy(rows, ({ code }) => code)).flatMap((kind) => {
    const reasons = Object.entries(Object.groupBy(kind, reasonOf));
    return reasons.length > MIXED ? folded(`, for reasons like “${reasons[0][0]}”`, kind, (row) => `${name(row)}: ${reasonOf(row)}`)
      : reasons.flatMap(([reason, some]) => (some.length < ALIKE ? some.map((row) => line(row, roots, verb)) : folded(`: ${reason}`, some, name)));
  });
}

function line(row, roots, verb = "left alone") {
  const isLeft = row.state === "left", kept = placed(row.keeper, roots);
  return make(`div.outcome.${row.loses ? "left" : row.state}`, {},
    make("span.name", { title: row.path }, base(row.path)), make("span.soft", { title: folder(row.path) }, placed(folder(row.path), roots)),
    make("span", { title: row.keeper }, isLeft ? `${verb}: ${reasonOf(row)}` : row.method === "merge" ? `to add ${row.reason}, for ${kept}` : `${row.loses ? `${row.loses} · ` : ""}${WHAT[row.kind] ?? `${row.kind}, belongs to a copy of`} ${kept} · ${fileSize(row.bytes)} · ${LINKS[row.method] ?? row.method}`));
}
