// The groups of this report, and the plan that comes of what is chosen in them.

const DATA = JSON.parse(document.getElementById("data").textContent);
DATA.groups.forEach((group, number) => prepare(Object.assign(group, { number })));

function totals() {
  const sum = { going: 0, copies: 0, groups: 0, bytes: 0, wasted: 0 };
  for (const group of DATA.groups) {
    if (group.kind === "similar") continue;
    const going = membersOf(group).filter((i) => isToMove(group, i)).length;
    sum.going += going;
    sum.copies += group.files.length - 1;
    sum.groups += going > 0;
    sum.bytes += bytesFreed(group);
    sum.wasted += wastedBytes(group);
  }
  return sum;
}

// The plan, byte for byte what the command line writes. The pieces about files are passed on as they
// came: their numbers are longer than JavaScript's, and their names need not be text.
function planText() {
  const groups = DATA.groups.filter((group) => group.kind !== "similar").map(plannedGroup);
  return `${DATA.head}, "groups": [${groups.join(", ")}]}\n`;
}

function plannedGroup(group) {
  const reason = group.keeper === 0 ? group.reason : "chosen by you";
  const members = membersOf(group).map((i) => {
    const { kind, words, whyNot } = relation(group, i), selected = isToMove(group, i);
    const why_not = selected ? "" : whyNot || "not chosen";
    return withFields(group.files[i].plan, { class: kind, transform: words, selected, why_not });
  });
  const kept = withFields(group.files[group.keeper].plan, { reason });
  return `{"keeper": ${kept}, "members": [${members.join(", ")}], "wasted_bytes": ${wastedBytes(group)}}`;
}

function withFields(json, fields) {
  const added = Object.entries(fields).map(([name, value]) => `, "${name}": ${ascii(value)}`);
  return json.slice(0, -1) + added.join("") + "}";
}

function ascii(value) {
  return JSON.stringify(value).replace(/[\u007f-\uffff]/g, (char) =>
    "\\u" + char.charCodeAt(0).toString(16).padStart(4, "0"));
}

function wastedBytes(group) {
  if (group.kind === "similar") return 0;
  const seen = new Set([group.files[group.keeper].inode]);
  let sum = 0;
  for (const i of membersOf(group)) {
    const file = group.files[i];
    if (!seen.has(file.inode)) sum += file.bytes;
    seen.add(file.inode);
  }
  return sum;
}
