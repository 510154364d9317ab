// Asking the server: everything the page knows comes through here.

// The name of the store: browsers keep pictures by their address, and photo 7 of another library is another one.
let store = "";

// What concerns all of the page, and not only what was asked for.
const LASTING = ["away", "no_token", "StoreMissing", "Replaced"];

class Problem extends Error {
  constructor(status, { title = `the server answered ${status}`, code = "" }) {
    super(title);
    Object.assign(this, { status, code, isLasting: LASTING.includes(code) });
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

export async function reply(path, options) {
  let answer;
  try {
    answer = await fetch(`/api/${path}`, options);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, { title: "the server does not answer", code: "away" });
  }
  store = answer.headers.get("X-Lookalike-Store") ?? store;
  if (!answer.ok) throw new Problem(answer.status, await answer.json().catch(() => ({})));
  return answer;
}

export async function ask(path, options) {
  const answer = await reply(path, options);
  return answer.status === 204 ? null : answer.json();
}

export async function bytes(path, options) {
  return new Uint8Array(await (await reply(path, options)).arrayBuffer());
}

// The address of what is answered, as a picture to show or to save; whoever uses it revokes it.
export async function picture(path, options) {
  const answer = await reply(path, options);
  return { url: URL.createObjectURL(await answer.blob()), answer };
}

export function posting(body, { method = "POST", signal, headers = {} } = {}) {
  const all = { "Content-Type": "application/json", "X-Lookalike": "1", ...headers };
  return { method, headers: all, body: JSON.stringify(body), signal };
}

export const send = (path, body, options) => ask(path, posting(body, options));

export function handIn(file) {
  return ask("uploads", { method: "POST", headers: { "X-Lookalike": "1" }, body: file });
}

export function query(values) {
  const found = Object.entries(values).filter(([, value]) => value !== "" && value != null);
  return new URLSearchParams(found).toString();
}

export const thumb = (id) => `/api/photos/${id}/thumb?${store}`;
export const preview = (id, side = 1600) => `/api/photos/${id}/preview?side=${side}&${store}`;
export const original = (id) => `/api/photos/${id}/original`;
