// Numbers as people read them.

const number = new Intl.NumberFormat("en");
export const figure = (n) => number.format(n);
export const count = (n, one, many = `${one}s`) => `${figure(n)} ${n === 1 ? one : many}`;

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
