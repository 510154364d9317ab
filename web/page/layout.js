// Where each photo of a set lies: rows of whole pictures, as wide as the page, with a heading for each month.
// Only numbers in typed arrays: a million photos take 30 MB here and none in the page.

const RATIOS = Float32Array.from({ length: 256 }, (_, step) => 2 ** ((step - 128) / 32));
export const ratioOf = (step) => RATIOS[step];
export const HEADING = 44;
const GAP = 4, TALLEST = 1.4;

// aspects: a byte a photo. months: [["2019-07", count], ...] in their order, or [] for no headings.
// Returns rows: first[r], top[r], height[r]; a heading is a row with first[r] === first[r + 1].
export function layOut(aspects, months, width, target) {
  const n = aspects.length, most = n + months.length + 1;
  const first = new Uint32Array(most + 1), top = new Float64Array(most + 1), height = new Float32Array(most);
  const headings = [];
  let rows = 0, y = 0, photo = 0;
  const sections = months.length ? months : [["", n]];
  for (const [name, size] of sections) {
    if (months.length) {
      headings.push({ name, row: rows, top: y, count: size, first: photo });
      first[rows] = photo; top[rows] = y; height[rows] = HEADING;
      rows += 1; y += HEADING;
    }
    const end = photo + size;
    while (photo < end) {
      const start = photo;
      let sum = 0;
      while (photo < end && sum * target + GAP * (photo - start) < width) sum += RATIOS[aspects[photo++]];
      // One fewer may fit better.
      const taken = photo - start, full = (width - GAP * (taken - 1)) / sum;
      if (taken > 1 && full < target * 0.72) sum -= RATIOS[aspects[--photo]];
      const fits = (width - GAP * (photo - start - 1)) / sum;
      const tall = photo === end && fits > target * TALLEST ? target : Math.min(fits, target * 2);
      first[rows] = start; top[rows] = y; height[rows] = tall;
      rows += 1; y += tall + GAP;
    }
  }
  first[rows] = photo; top[rows] = y;
  return { rows, first, top, height, headings, total: y, gap: GAP, aspects };
}

// The last row that begins at or above y.
export function rowAt({ top, rows }, y) {
  let low = 0, high = rows - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (top[middle] <= y) low = middle; else high = middle - 1;
  }
  return low;
}

// The row of a photo; headings have none.
export function rowOf({ first, rows }, photo) {
  let low = 0, high = rows - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (first[middle] <= photo) low = middle; else high = middle - 1;
  }
  return low;
}
