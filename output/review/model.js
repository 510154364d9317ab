// A group of copies and what is chosen in it. Nothing here touches the page.

const IDENTITY = [1, 0, 0, 0, 1, 0, 0, 0, 1];
// Why a file stays where it lies, whichever one is kept.
const BACKUPS = ["on another drive", "in a backup"], PLACES = ["protected", "in a trash or among previews", "in another program's library", ...BACKUPS];
const LEFT_ALONE = "its RAW or its video would be left alone";
const OTHER_KEPT = "it may hold more than the file you keep: check it yourself";
const NOT_DIRECT = "no proof of its own with the file you keep: check it yourself";

// group.keeper: number of the kept file; 0 is the one that the rules chose. group.chosen: by number of
// the file, only where somebody decided it.
export function prepare(group, { keeper = 0, chosen = {} } = {}) {
  group.keeper = group.files[keeper] ? keeper : 0;
  group.chosen = new Map(Object.entries(chosen).map(([i, wanted]) => [Number(i), wanted]));
  return group;
}

export function membersOf(group) {
  return group.files.map((_, i) => i).filter((i) => i !== group.keeper);
}

export function inOrder(group) {
  return [group.keeper, ...membersOf(group)];
}

// What file i is beside the kept one: {kind, words, whyNot: why it is not chosen unseen, "" if it does,
// selected: the same as yes or no, lock: why it cannot be chosen at all, note: for people}.
export function relation(group, i) {
  const file = group.files[i], kept = group.files[group.keeper];
  const said = plainRelation(group, file, kept);
  if (group.kind === "similar") said.lock = "a look-alike is another picture: it stays";
  else if (said.words === "hard link") said.lock = "a hard link of the kept file: takes no space of its own";
  else if (file.protected) said.lock = "in a protected folder";
  if (said.lock) said.whyNot = file.protected ? "protected" : said.words === "hard link" ? "hard link" : "";
  else if (group.keeper !== 0 && placeOf(group, file)) said.whyNot = said.note = placeOf(group, file);
  else if (group.keeper !== 0 && file.hasHalf) Object.assign(said, { whyNot: "companions", note: LEFT_ALONE });
  said.selected = !said.lock && said.whyNot === "";
  return said;
}

function placeOf(group, { whyNot }) {
  const kept = group.files[group.keeper].whyNot;
  return PLACES.includes(whyNot) ? whyNot : BACKUPS.includes(kept) ? kept : "";
}

function plainRelation(group, file, kept) {
  const first = group.files[0];
  const asFirst = { kind: file.class, words: file.transform, whyNot: file.whyNot, note: file.note };
  if (kept === first) return asFirst;
  if (file.content === kept.content) {
    const words = file.inode === kept.inode ? "hard link" : "same bytes";
    return { kind: "exact", words, whyNot: "" };
  }
  if (kept.content === first.content) return asFirst;
  // What a file holds was asked beside the first one only: beside another one nothing is chosen unseen.
  const unseen = { kind: "copy", whyNot: "another file is kept", note: OTHER_KEPT };
  if (file.pixels === kept.pixels) return { ...unseen, words: "same pixels, other metadata" };
  // A proof is one from the pixels: it holds for every file that shows the same ones.
  if (showsTheFirst(group)) return { ...unseen, words: file.transform };
  if (file.pixels === first.pixels && kept.back) return { ...unseen, words: kept.back };
  return { kind: "copy", words: "copy of a copy", whyNot: "no direct proof", note: NOT_DIRECT };
}

// Whether what was found out beside the file that the rules chose holds beside the kept one.
export function showsTheFirst(group) {
  return group.files[group.keeper].pixels === group.files[0].pixels;
}

export function isToMove(group, i) {
  if (i === group.keeper) return false;
  const { selected, lock } = relation(group, i);
  return !lock && (group.chosen.get(i) ?? selected);
}

export function choose(group, i, wanted) {
  const { selected, lock } = relation(group, i);
  if (lock) return;
  if (wanted === selected) group.chosen.delete(i);
  else group.chosen.set(i, wanted);
}

// Another kept file is another question: what was decided beside the old one is forgotten.
export function keep(group, i) {
  group.keeper = i;
  group.chosen.clear();
}

export function isChanged(group) {
  return group.keeper !== 0 || group.chosen.size > 0;
}

// Bytes come free only when every link to them is moved.
export function bytesFreed(group) {
  const size = new Map(), staying = new Set();
  group.files.forEach((file, i) => {
    if (isToMove(group, i)) size.set(file.inode, file.bytes);
    else staying.add(file.inode);
  });
  let sum = 0;
  for (const [inode, bytes] of size) if (!staying.has(inode)) sum += bytes;
  return sum;
}

// How the picture of file i lies on the kept one: from points of its thumbnail to points of that one's.
export function mapToKept(group, i) {
  const known = (n) => (group.files[n].pixels === group.files[0].pixels ? IDENTITY : group.files[n].matrix);
  const other = known(i), kept = known(group.keeper);
  return other && kept ? times(kept, inverse(other)) : null;
}

export function times(a, b) {
  return IDENTITY.map((_, n) => {
    const row = 3 * Math.floor(n / 3), column = n % 3;
    return a[row] * b[column] + a[row + 1] * b[column + 3] + a[row + 2] * b[column + 6];
  });
}

export function inverse(m) {
  const [a, b, c, d, e, f, g, h, i] = m;
  const det = a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g);
  const adjugate = [e * i - f * h, c * h - b * i, b * f - c * e,
    f * g - d * i, a * i - c * g, c * d - a * f,
    d * h - e * g, b * g - a * h, a * e - b * d];
  return adjugate.map((number) => number / det);
}

// Where file i differs from the kept one; known only beside the picture that the rules chose.
export function boxesOf(group, i) {
  return showsTheFirst(group) ? group.files[i].boxes ?? [] : [];
}
