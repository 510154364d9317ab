// How far a job is: its stage, how many, how quick, how long still, and a way to stop it.

import { ask } from "./api.js";
import { button, coded, failed, make } from "./dom.js";
import { count, figure } from "./words.js";

const TITLES = { index: "Indexing", dupes: "Looking for copies", apply: "Moving files", undo: "Putting files back" };

export function progress(job) {
  const isRunning = job.state === "running";
  const bar = make("progress", job.total ? { max: job.total, value: Math.min(job.done, job.total), "aria-label": "how far" } : { "aria-label": "how far" });
  const parts = [
    job.stage, job.total ? `${figure(job.done)} of ${figure(job.total)}` : job.done ? figure(job.done) : "",
    job.rate >= 0.1 ? `${job.rate >= 10 ? figure(Math.round(job.rate)) : job.rate} a second` : "", left(job.left),
    job.failed ? count(job.failed, "problem") : "",
  ].filter(Boolean);
  const title = job.kind === "index" ? job.about.replace(/^indexing/, "Indexing") : TITLES[job.kind];
  return make(`div.job.${job.state}`, { role: "group", "aria-label": title },
    make("div.line", {}, make("strong", {}, title), isRunning ? stopper(job) : make("span.tag", {}, job.state)),
    isRunning ? bar : null,
    make("p.soft", {}, ...coded(isRunning ? parts.join(" · ") || "beginning" : job.words)));
}

function stopper(job) {
  return button(job.is_stopping ? "Stopping…" : "Stop", () => ask(`jobs/${job.id}`, { method: "DELETE", headers: { "X-Lookalike": "1" } }).catch(failed),
    { disabled: job.is_stopping, title: "what is finished is kept" });
}

function left(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 60) return `about ${Math.max(1, Math.round(seconds))} s left`;
  return `about ${count(Math.round(seconds / 60), "minute")} left`;
}
