// What an opened stage shows: faces, liveness, distances, and any other values as they are.

import { bar } from "./bars.js";
import { el } from "./dom.js";
import { facesFigure } from "./faces.js";
import { fixed } from "./numbers.js";

const TITLES = {
  id: "ID", images: "Images", decode: "Decode", detect: "Faces", quality: "Quality", store: "Store", subject: "Subject",
  liveness: "Liveness", cues: "Motion cues", record: "Person’s record", replay: "Used before", embed: "Embeddings",
  compare: "1:1 comparison", nearest: "Nearest other person", search: "1:N search", guards: "Guards", enrol: "Save",
  pickles: "Pickles", challenge: "Challenge",
};
const DRAWN = { detect: faces, liveness, compare: distances, augmented: distances, quality, challenge: null };

export function titleOf(name) {
  return TITLES[name] ?? name.charAt(0).toUpperCase() + name.slice(1).replace(/_/g, " ");
}

export function details(stage, pictures) {
  const drawn = DRAWN[stage.name];
  const items = stage.items ?? [];
  return [
    drawn && items.length ? drawn(items, pictures) : items.map(values),
    stage.about ? el("div", { class: "about" }, el("h3", {}, "About this stage"), values(stage.about)) : null,
  ];
}

function faces(items, pictures) {
  return el("div", { class: "figures" }, items.map((item) => facesFigure(item.image, pictures.get(item.image), item.found ?? [], item.turned)));
}

function liveness(items, pictures) {
  return items.map((item) => group(item, pictures, item.state, [
    bar({ label: "Spoof score", value: item.score, threshold: item.threshold, most: 1, passed: item.state === "live", words: item.state }),
    Object.entries(item.engines).map(([name, score]) => bar({ label: name, value: score, threshold: null, most: 1, passed: item.state === "live" })),
    item.reason ? el("p", { class: "small soft" }, item.reason) : null,
  ]));
}

function distances(items, pictures) {
  return items.map((item) => {
    const votes = Object.entries(item.votes ?? {});
    return group(item, pictures, item.passed ? "within" : "beyond", [
      bar({ label: "Fused distance", value: item.score, threshold: item.threshold, most: reach(item.score, item.threshold), passed: item.passed, digits: 4, words: item.passed ? "within" : "beyond" }),
      votes.map(([name, vote]) => bar({ label: name, value: vote.distance, threshold: vote.threshold, most: reach(vote.distance, vote.threshold), passed: vote.passed, digits: 4 })),
    ]);
  });
}

function reach(value, threshold) {
  return Math.max(2 * (threshold ?? 0), 1.15 * value, 1e-9);
}

function quality(items, pictures) {
  return items.map((item) => group(item, pictures, "", [
    bar({ label: "Score", value: item.score, threshold: item.threshold, most: 10, passed: item.score >= item.threshold }),
  ]));
}

function group(item, pictures, state, content) {
  const file = pictures.get(item.image);
  const image = file ? el("img", { src: URL.createObjectURL(file), alt: "", width: 48, height: 48 }) : null;
  image?.addEventListener("load", () => URL.revokeObjectURL(image.src));
  image?.addEventListener("error", () => image.classList.add("is-unseen"));
  return el("div", { class: "group" }, image ?? el("span", { class: "no-image" }), el("div", { class: "group-content" }, el("p", { class: "small photo-name" }, item.image), content));
}

// Any object, as names and values.
function values(object) {
  return el("dl", { class: "pairs small" }, Object.entries(object).map(([name, value]) => [el("dt", {}, words(name)), el("dd", {}, shown(value))]));
}

function words(name) {
  const text = name.replace(/_/g, " ");
  return text.charAt(0).toUpperCase() + text.slice(1);
}

function shown(value) {
  if (value === null || value === undefined) return "–";
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : fixed(value, 4);
  if (Array.isArray(value)) return value.length ? value.map(flat).join(", ") : "none";
  return typeof value === "object" ? Object.entries(value).map(([name, inner]) => `${words(name)} ${flat(inner)}`).join(" · ") : String(value);
}

function flat(value) {
  return typeof value === "object" && value !== null ? JSON.stringify(value) : shown(value);
}
