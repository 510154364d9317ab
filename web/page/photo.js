// One photo, large, with what is known of it, its copies, and photos like it.

import { ask, original, picture, preview, query, thumb } from "./api.js";
import { button, failed, make, say } from "./dom.js";
import { filtersOf } from "./photos.js";
import { go, here } from "./state.js";
import { base, count, day, fileSize, folder } from "./words.js";

export class PhotoView {
  // step(by): the photo before or after this one in what is shown, as [id, position].
  constructor(step) {
    this.step = step;
    this.image = make("img.large", { alt: "" });
    this.well = make("div.well", { tabIndex: -1 }, this.image);
    this.notice = make("p.notice", { hidden: true });
    this.facts = make("aside.about", { "aria-label": "About this photo" });
    this.strips = make("div.strips");
    this.element = make("dialog.photo", { "aria-label": "Photo", onclose: () => here().photo && go({ photo: null, at: null }) },
      make("div.viewer", {}, button("‹", () => this.go(-1), { "aria-label": "previous photo", className: "step back" }), this.well,
        button("›", () => this.go(1), { "aria-label": "next photo", className: "step on" }),
        button("×", () => this.element.close(), { "aria-label": "close", className: "close", title: "close (Esc)" }), this.notice),
      make("div.side", {}, this.facts, this.strips));
    this.element.addEventListener("keydown", (event) => this.key(event));
    this.well.addEventListener("click", () => this.well.classList.toggle("full"));
    this.swipes();
  }

  async show(id) {
    if (!id) {
      this.id = null;
      return this.element.close();
    }
    if (!this.element.open) {
      this.element.showModal();
      this.well.focus();
    }
    if (this.id === id) return;
    this.id = id;
    this.image.src = thumb(id);
    this.image.style.maxWidth = this.image.style.maxHeight = "";
    this.well.classList.remove("full");
    this.notice.hidden = true;
    this.strips.replaceChildren();
    try {
      const photo = await ask(`photos/${id}?${query(filtersOf(here()))}`);  // the file that the grid names
      if (this.id !== id) return;
      this.paint(photo);
      await this.sharpen(id);
      const related = await ask(`photos/${id}/related`);
      if (this.id === id) this.paintStrips(related);
    } catch (error) {
      failed(error);
    }
  }

  // A photo whose file is away comes as its thumbnail, with the reason.
  async sharpen(id) {
    const { url, answer } = await picture(preview(id).replace("/api/", ""));
    if (this.id !== id) return URL.revokeObjectURL(url);
    const reason = answer.headers.get("X-Lookalike-Stand-In");
    this.notice.hidden = !reason;
    this.notice.textContent = reason ? `Only the thumbnail can be shown: ${decodeURIComponent(reason)}` : "";
    this.image.onload = () => {
      URL.revokeObjectURL(url);
      // A small picture is not blown up to a blur.
      this.image.style.maxWidth = `${3 * this.image.naturalWidth}px`;
      this.image.style.maxHeight = `${3 * this.image.naturalHeight}px`;
    };
    this.image.src = url;
  }

  // Its drive may be back.
  tick() {
    if (this.element.open && !this.notice.hidden) this.sharpen(this.id).catch(() => null);
  }

  paint(photo) {
    const name = base(photo.path);
    this.element.setAttribute("aria-label", name);
    this.image.alt = `${name}, ${day(photo.date)}`;
    const place = photo.latitude === null ? "" : `${photo.latitude.toFixed(4)}, ${photo.longitude.toFixed(4)}`;
    const said = (fields) => Object.entries(fields).filter(([key]) => ["keywords", "people", "title", "caption", "rating", "place"].includes(key))
      .map(([key, value]) => [key[0].toUpperCase() + key.slice(1), Array.isArray(value) ? value.join(", ") : String(value)]);
    const rows = [
      [photo.taken ? "Taken" : "Modified", `${day(photo.date)}, ${photo.date.slice(11, 16)}`],
      ["Picture", `${photo.width} × ${photo.height}, ${photo.format}, ${fileSize(photo.bytes)}`],
      ["Camera", [photo.camera, photo.lens].filter(Boolean).join(", ")], ["Place", place], ...said(photo.fields),
      ["Folder", folder(photo.path)], ["Note", photo.warning],
    ].filter(([, value]) => value);
    this.facts.replaceChildren(
      make("h2", {}, name),
      make("dl", {}, ...rows.flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)])),
      photo.files.length > 1
        ? make("details", {}, make("summary", {}, count(photo.files.length, "file with the same bytes", "files with the same bytes")),
          make("ul", {}, ...photo.files.map((file) => make("li", {}, [file.path, ...said(file.fields).map((row) => row.join(" "))].join(" · "))))) : "",
      make("div.actions", {},
        button("Find photos like it", () => this.like(), { main: true, key: "f" }),
        make("a.button", { href: original(photo.id), target: "_blank", rel: "noopener" }, "Open the file")));
    say(`${name}, ${day(photo.date)}`);
  }

  paintStrips({ copies, moment, alike }) {
    const strip = (title, rows) => rows.length && make("section.strip", {}, make("h3", {}, `${title} (${rows.length})`),
      make("div.thumbs", {}, ...rows.map((row) =>
        make("button", { type: "button", title: row.path, onclick: () => go({ photo: String(row.id), at: null }) },
          make("img", { src: thumb(row.id), alt: `${base(row.path)}, ${day(row.date)}`, loading: "lazy", decoding: "async" })))));
    this.strips.replaceChildren(...[strip("Copies", copies), strip("Same moment", moment), strip("Looks alike", alike)].filter(Boolean));
  }

  like() {
    const id = this.id;
    go({ photo: null, at: null, like: String(id), box: null, label: null });
  }

  go(by) {
    const next = this.step(by);
    if (next) go({ photo: String(next.id), at: String(next.at) }, { replace: true });
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select")) return;
    const keys = {
      ArrowLeft: () => this.go(-1), ArrowRight: () => this.go(1), h: () => this.go(-1), l: () => this.go(1),
      f: () => this.like(), z: () => this.well.classList.toggle("full"),
    };
    if (!keys[event.key]) return;
    keys[event.key]();
    event.preventDefault();
    event.stopPropagation();
  }

  swipes() {
    let start = null;
    this.well.addEventListener("touchstart", ({ touches }) => (start = touches.length === 1 ? touches[0] : null), { passive: true });
    this.well.addEventListener("touchend", ({ changedTouches }) => {
      const moved = start && changedTouches[0].clientX - start.clientX;
      if (start && Math.abs(moved) > 60) this.go(moved < 0 ? 1 : -1);
      start = null;
    });
  }
}

