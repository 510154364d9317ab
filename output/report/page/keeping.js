// Choices outlive a reload: only what differs from the first proposal is kept, under the report's id.

const PREFIX = "lookalike report ";
const KEEP_REPORTS = 20;

// Returns whether the browser lets us keep anything.
function remember() {
  const changed = DATA.groups.filter(isChanged).map((group) =>
    [group.number, group.keeper, [...group.chosen].map(([i, wanted]) => [i, Number(wanted)])]);
  try {
    if (changed.length) localStorage.setItem(PREFIX + DATA.id, JSON.stringify({ at: Date.now(), changed }));
    else localStorage.removeItem(PREFIX + DATA.id);
    return true;
  } catch {
    return false;
  }
}

function recall() {
  try {
    const kept = JSON.parse(localStorage.getItem(PREFIX + DATA.id) ?? "null");
    for (const [number, keeper, chosen] of kept?.changed ?? []) restore(DATA.groups[number], keeper, chosen);
    forgetOldReports();
  } catch {
    // Nothing that can be read is kept: the first proposal stands.
  }
}

// What is kept may be of any age and hand: only what makes sense is taken.
function restore(group, keeper, chosen) {
  if (!group?.files[keeper] || group.kind === "similar") return;
  keep(group, keeper);
  for (const [i, wanted] of chosen) if (i !== keeper && group.files[i]) choose(group, i, Boolean(wanted));
}

function forgetOldReports() {
  const age = (name) => JSON.parse(localStorage.getItem(name)).at ?? 0;
  const names = Object.keys(localStorage).filter((name) => name.startsWith(PREFIX));
  names.sort((a, b) => age(b) - age(a)).slice(KEEP_REPORTS).forEach((name) => localStorage.removeItem(name));
}
