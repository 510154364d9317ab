// Numbers, sizes, dates and paths as people read them.

export { count, figure, fileSize, placed } from "./review/words.js";

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
  "November", "December"];
export function month(text) {
  return text ? `${MONTHS[Number(text.slice(5, 7)) - 1]} ${text.slice(0, 4)}` : "Without a date";
}
export function day(text) {
  if (!text) return "no date";
  return `${Number(text.slice(8, 10))} ${MONTHS[Number(text.slice(5, 7)) - 1]?.slice(0, 3)} ${text.slice(0, 4)}`;
}
// A moment as the clock here shows it.
export const moment = (text) => (text ? new Date(text).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" }) : "no date");
export const base = (path) => path.slice(path.lastIndexOf("/") + 1);
export const folder = (path) => path.slice(0, path.lastIndexOf("/")) || "/";
