// Where one is: all of it stands in the address, so that back, reload and bookmarks lead to the same place.

const listeners = [];

export function here() {
  return Object.fromEntries(new URLSearchParams(location.search));
}

// go({folder: "...", photo: null}): what is null or "" goes out of the address; the rest stays.
export function go(changes, { replace = false, fresh = false } = {}) {
  const values = { ...(fresh ? {} : here()), ...changes };
  const kept = Object.entries(values).filter(([, value]) => value !== null && value !== undefined && value !== "");
  const address = `?${new URLSearchParams(kept)}`;
  if (address === (location.search || "?")) return;
  history[replace ? "replaceState" : "pushState"](null, "", address);
  tell();
}

export function onGo(listener) {
  listeners.push(listener);
}

export function tell() {
  for (const listener of listeners) listener(here());
}

addEventListener("popstate", tell);

// Examples of a search in the address: "12,-34,u:NAME*2": photo 12, not photo 34, an upload that counts twice.
export function readExamples(text = "") {
  return text.split(",").filter(Boolean).map((each) => {
    const [name, weight] = each.replace(/^-/, "").split("*");
    const what = name.startsWith("u:") ? { upload: name.slice(2) } : { id: Number(name) };
    return { ...what, sign: each.startsWith("-") ? -1 : 1, weight: Number(weight) || 1 };
  });
}

export function writeExamples(examples) {
  return examples.map(({ id, upload, sign, weight }) =>
    `${sign < 0 ? "-" : ""}${upload ? `u:${upload}` : id}${weight !== 1 ? `*${weight}` : ""}`).join(",");
}
