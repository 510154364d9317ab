// Asking the server: everything the page knows comes through here.

export class Problem extends Error {
  constructor(status, body) {
    super(body.title ?? `the server answered ${status}`);
    Object.assign(this, { status, code: body.code ?? "", exitCode: body.exit_code });
  }
}

// The address that `serve` opens carries the token behind a "#", which browsers never send; it is swapped
// for a cookie and taken out of the address.
export async function begin() {
  const token = new URLSearchParams(location.hash.slice(1)).get("token");
  if (!token) return;
  history.replaceState(null, "", location.pathname + location.search);
  await ask("session", { method: "POST", headers: { Authorization: `Bearer ${token}` } });
}

async function answered(path, options) {
  let answer;
  try {
    answer = await fetch(`/api/${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { title: "the server does not answer: start `lookalike serve` again", code: "away" });
  }
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

export async function ask(path, options) {
  const answer = await answered(path, options);
  return answer.status === 204 ? null : answer.json();
}

export async function bytes(path, options) {
  return new Uint8Array(await (await answered(path, options)).arrayBuffer());
}

export function send(path, body, { method = "POST", signal, headers = {} } = {}) {
  const all = { "Content-Type": "application/json", "X-Lookalike": "1", ...headers };
  return ask(path, { method, headers: all, body: JSON.stringify(body), signal });
}

export function handIn(file) {
  return ask("uploads", { method: "POST", headers: { "X-Lookalike": "1" }, body: file });
}

export function query(values) {
  const found = Object.entries(values).filter(([, value]) => value !== "" && value != null);
  return new URLSearchParams(found).toString();
}

export const thumb = (id) => `/api/photos/${id}/thumb`;
export const preview = (id, side = 1600) => `/api/photos/${id}/preview?side=${side}`;
export const original = (id) => `/api/photos/${id}/original`;
