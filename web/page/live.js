// What happens at the server while the page is open: told by it, or asked for where that does not work.

import { ask } from "./api.js";

const POLL_MS = 2000, PATIENCE = 3;
const listeners = new Map();
let source = null, failures = 0, polling = 0;

// kind: "job", "groups", "review", "runs", "library"; "missed": anything may have happened.
export function onLive(kind, listener) {
  if (!listeners.has(kind)) listeners.set(kind, new Set());
  listeners.get(kind).add(listener);
  listen();
}

function told(kind, fields) {
  for (const listener of listeners.get(kind) ?? []) listener(fields);
}

// A tab that nobody sees gives its connection back: browsers have few of them for all tabs together.
function listen() {
  if (document.hidden || source || polling) return;
  source = new EventSource("/api/events");
  source.onopen = () => (failures = 0);
  source.onerror = () => {
    failures += 1;
    if (failures < PATIENCE) return;
    hush();
    polling = setInterval(poll, POLL_MS);
  };
  for (const kind of ["job", "groups", "review", "runs", "library", "missed"]) {
    source.addEventListener(kind, (event) => told(kind, JSON.parse(event.data)));
  }
}

function hush() {
  source?.close();
  source = null;
  clearInterval(polling);
  polling = 0;
}

async function poll() {
  try {
    for (const job of (await ask("jobs")).jobs.slice(0, 1)) told("job", job);
    told("missed", {});
    hush();
    failures = 0;
    listen();
  } catch {
    // The server is away; the next time may be better.
  }
}

addEventListener("visibilitychange", () => {
  if (!listeners.size) return;
  if (document.hidden) hush();
  else { listen(); told("missed", {}); }
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
