// Choosing photos: by drag and drop, from files, or with the camera; a row for each.

import { hasCamera, takePhotos } from "./camera.js";
import { el, fill } from "./dom.js";
import { count } from "./numbers.js";
import { onChange, session } from "./session.js";

export class Picker {
  // `limit` photos at most; `onchange` is called whenever they change.
  constructor(place, { label, limit = 100, extra = null, onchange = () => {} }) {
    this.photos = [];
    this.limit = limit;
    this.onchange = onchange;
    this.place = place;
    this.input = el("input", { type: "file", accept: "image/*", multiple: limit > 1, hidden: true, "aria-label": label });
    this.input.addEventListener("change", () => {
      this.add([...this.input.files]);
      this.input.value = "";
    });
    this.list = el("ul", { class: "photos", "aria-label": label });
    this.empty = el("div", { class: "empty" },
      el("p", { class: "drop-text" }, limit > 1 ? "Drop photos here" : "Drop a photo here"));
    this.choices = el("div", { class: "actions" },
      el("button", { class: "button", type: "button", onclick: () => this.input.click() }, limit > 1 ? "Choose photos" : "Choose photo"),
      hasCamera() ? el("button", { class: "button", type: "button", onclick: () => this.photograph() }, "Camera") : null,
      extra);
    place.classList.add("picker");
    place.append(this.input, this.list, this.empty, this.choices);
    for (const kind of ["dragenter", "dragover"]) place.addEventListener(kind, (event) => this.hover(event, true));
    for (const kind of ["dragleave", "drop"]) place.addEventListener(kind, (event) => this.hover(event, false));
    place.addEventListener("drop", (event) => this.add([...event.dataTransfer.files]));
    onChange(() => this.lock());
    this.show();
  }

  // What a running task sends does not change meanwhile; the focus comes back where it was.
  lock() {
    if (session.isBusy && this.place.contains(document.activeElement)) this.focused = document.activeElement;
    this.place.inert = session.isBusy;
    if (!session.isBusy && document.activeElement === document.body) this.focused?.focus({ preventScroll: true });
  }

  hover(event, over) {
    event.preventDefault();
    this.place.classList.toggle("is-over", over);
  }

  async photograph() {
    this.add(await takePhotos(this.limit - (this.limit > 1 ? this.photos.length : 0)));
  }

  // Add files; equal names become "name (2)", so that replies name each photo once.
  add(files) {
    const room = this.limit > 1 ? files.slice(0, this.limit - this.photos.length) : files.slice(0, 1);
    if (!room.length) return;
    if (this.limit === 1 || this.photos.some((photo) => photo.about)) this.clear();
    for (const file of room) {
      this.photos.push({ file, name: this.freeName(file.name), url: URL.createObjectURL(file), about: null });
    }
    this.show();
    this.onchange();
  }

  freeName(name) {
    const taken = new Set(this.photos.map((photo) => photo.name));
    for (let number = 2, free = name; ; number += 1) {
      if (!taken.has(free)) return free;
      free = `${name} (${number})`;
    }
  }

  clear() {
    for (const photo of this.photos) URL.revokeObjectURL(photo.url);
    this.photos = [];
  }

  remove(photo) {
    URL.revokeObjectURL(photo.url);
    this.photos = this.photos.filter((other) => other !== photo);
    this.show();
    this.onchange();
  }

  files(field = "photo") {
    return this.photos.map(({ file, name }) => ({ field, file, name }));
  }

  pictures() {
    return new Map(this.photos.map(({ file, name }) => [name, file]));
  }

  // Show what a reply says about each photo; `about(name)` returns {ring, lines}.
  describe(about) {
    for (const photo of this.photos) photo.about = about(photo.name);
    this.show();
  }

  show() {
    fill(this.list, this.photos.map((photo) => this.row(photo)));
    this.list.hidden = !this.photos.length;
    this.empty.hidden = Boolean(this.photos.length);
  }

  row(photo) {
    const remove = el("button", { class: "remove", type: "button", "aria-label": `Remove ${photo.name}`, onclick: () => this.remove(photo) }, "×");
    const image = el("img", { src: photo.url, alt: "", width: 56, height: 56 });
    image.addEventListener("error", () => image.classList.add("is-unseen"));
    const lines = photo.about?.lines ?? [el("span", { class: "small soft" }, photo.about ? "" : "Not uploaded yet")];
    return el("li", { class: "photo" }, image,
      el("div", { class: "photo-text" }, el("span", { class: "photo-name", title: photo.name }, photo.name), lines),
      photo.about?.ring ?? remove);
  }

  // Whether a reply has said something about every photo.
  get isSent() {
    return this.photos.length > 0 && this.photos.every((photo) => photo.about);
  }

  get summary() {
    return count(this.photos.length, "photo");
  }
}
