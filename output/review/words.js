// Numbers as people read them.

const number = new Intl.NumberFormat("en");
export const figure = (n) => number.format(n);
export const count = (n, one, many = `${one}s`) => `${figure(n)} ${n === 1 ? one : many}`;

// A path from its root on: "Pictures/2019/a.jpg", with what lies above where another root is called the same.
export function placed(path, roots) {
  const root = roots.filter((each) => path === each || path.startsWith(`${each}/`)).sort((a, b) => b.length - a.length)[0];
  if (!root) return path;
  const end = (each, n) => each.split("/").slice(-n).join("/");
  let n = 1;
  while (roots.some((each) => each !== root && end(each, n) === end(root, n))) n += 1;
  return end(root, n) + path.slice(root.length);
}

export function fileSize(bytes) {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let amount = bytes, unit = 0;
  for (; amount >= 999.5 && unit < units.length - 1; unit += 1) amount /= 1000;
  return `${unit === 0 || amount >= 99.95 ? Math.round(amount) : amount.toFixed(1)} ${units[unit]}`;
}

export function howSure(score) {
  if (score >= 0.9999) return "surer than 99.99 %";
  return `${(Math.floor(score * 10000) / 100).toFixed(2)} % sure`;
}
