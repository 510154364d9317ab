// What happens at the server while the page is open: told by it, or asked for where that does not work.

import { ask } from "./api.js";

const POLL_MS = 2000, AGAIN_MS = 15000;
const listeners = new Map();
let source = null, polling = 0, again = 0, seen = -1;

// kind: "job", "groups", "review", "runs", "library"; "missed": anything may have happened.
export function onLive(kind, listener) {
  if (!listeners.has(kind)) listeners.set(kind, new Set());
  listeners.get(kind).add(listener);
  listen();
}

export function told(kind, fields = {}) {
  for (const listener of listeners.get(kind) ?? []) listener(fields);
}

// A tab that nobody sees gives its connection back: browsers have few of them for all tabs together.
// Until the stream is there, and while something between here and the server holds it up, the page asks.
function listen() {
  if (document.hidden || source) return;
  source = new EventSource("/api/events");
  source.onopen = stopPolling;
  source.onerror = () => {
    startPolling();
    if (source.readyState !== EventSource.CLOSED) return;  // else the browser tries again by itself
    source = null;
    again = setTimeout(listen, AGAIN_MS);
  };
  for (const kind of ["job", "groups", "review", "runs", "library", "missed"]) {
    source.addEventListener(kind, (event) => told(kind, JSON.parse(event.data)));
  }
  startPolling();
}

function startPolling() {
  if (!polling) seen = -1;
  polling ||= setInterval(poll, POLL_MS);
}

function stopPolling() {
  clearInterval(polling);
  polling = 0;
}

function hush() {
  source?.close();
  source = null;
  clearTimeout(again);
  stopPolling();
}

async function poll() {
  const { jobs, events } = await ask("jobs").catch(() => ({}));  // the next time may be better
  if (!polling || !jobs || events === seen) return;
  seen = events;
  if (jobs.length) told("job", jobs[0]);
  told("missed");
}

addEventListener("visibilitychange", () => {
  if (!listeners.size) return;
  if (document.hidden) hush();
  else { listen(); told("missed"); }
});

// Follow a job to its end; changed(job) is called with all that is heard of it.
export function follow(id, changed) {
  return new Promise((done) => {
    const hear = (job) => {
      if (job.id !== id) return;
      changed(job);
      if (job.state === "running") return;
      clearInterval(asking);
      listeners.get("job")?.delete(hear);
      done(job);
    };
    const look = async () => (await ask("jobs").catch(() => ({ jobs: [] }))).jobs.forEach(hear);
    const asking = setInterval(look, POLL_MS);
    onLive("job", hear);
    look();
  });
}
