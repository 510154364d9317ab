// What the page says. Everything that people read stands here or comes from the server.

const EN = {
  library: "Library", search: "Search", copies: "Copies", activity: "Activity",
  skip: "Skip to the photos", help: "Help", theme: "Light or dark", folders: "Folders", years: "Years",
  cameras: "Cameras", filters: "Filters", allPhotos: "All photos", nothing: "No photo passes these filters.",
  findHint: "beach, or camera~Pixel and year...", choose: "Choose a picture", dropHere: "Drop a picture to find photos like it",
};

export const words = EN;

export { count, figure, fileSize } from "./review/words.js";

const MONTHS = ["January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
  "November", "December"];
export function month(text) {
  return text ? `${MONTHS[Number(text.slice(5, 7)) - 1]} ${text.slice(0, 4)}` : "Without a date";
}
export function day(text) {
  if (!text) return "no date";
  return `${Number(text.slice(8, 10))} ${MONTHS[Number(text.slice(5, 7)) - 1]?.slice(0, 3)} ${text.slice(0, 4)}`;
}
export const base = (path) => path.slice(path.lastIndexOf("/") + 1);
export const folder = (path) => path.slice(0, path.lastIndexOf("/")) || "/";
