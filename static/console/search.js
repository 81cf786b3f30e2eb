// Who is this? The nearest of everybody enrolled, for each face of the photos.

import { send } from "./api.js";
import { bar } from "./bars.js";
import { codeButton } from "./codes.js";
import { el, find, onUse, setEnabled } from "./dom.js";
import { facesFigure } from "./faces.js";
import { ended } from "./jobs.js";
import { showLedger } from "./ledger.js";
import { count, oneIn } from "./numbers.js";
import { showOutcome } from "./outcome.js";
import { Picker } from "./picker.js";
import { withProgress } from "./progress.js";
import { onChange, whyBusy } from "./session.js";

// More photos than these become a job.
const AT_ONCE = 4;

export function startSearch() {
  const button = find("search-go");
  const changed = () => setEnabled(button, whyBusy() || (picker.photos.length ? "" : "Choose photos first."));
  const picker = new Picker(find("search-picker"), { label: "Photos to search for", onchange: changed });
  onChange(changed);
  onUse(button, () => search(picker));
  changed();
}

async function search(picker) {
  const pictures = picker.pictures();
  const reply = await withProgress(find("search-progress"), find("search-go"), "The server searches", async (onProgress) =>
    ended(await send("POST", "/search", { query: { limit: 5, async: picker.photos.length > AT_ONCE }, files: picker.files("image"), onProgress }), (share) => onProgress(share * 0.999, 1)));
  const { faces, people, left_out: left = {} } = reply.results ?? {};
  showOutcome(find("search-outcome"), reply);
  const found = faces && el("div", { class: "found" },
    el("p", { class: "soft" }, `${count(faces.length, "face")}, ${count(people ?? 0, "person", "people")} enrolled`),
    faces.map((face) => result(face, pictures)));
  if (faces) picker.describe((name) => ({ lines: [el("span", { class: "small soft" }, left[name] === undefined ? "Searched" : "Left out")], ring: left[name] === undefined ? el("span") : codeButton(left[name], "warn") }));
  showLedger("Search", reply, pictures, found, find("search-result"));
}

function result(face, pictures) {
  const most = Math.max(2 * face.threshold, ...face.candidates.map((one) => one.score));
  return el("div", { class: "found-face" }, facesFigure(face.file, pictures.get(face.file), [face]),
    el("ol", { class: "candidates" }, face.candidates.map((one) => el("li", {},
      el("p", {}, el("strong", {}, el("bdi", {}, one.name ?? one.id)), " ", el("span", { class: "soft small" }, one.id)),
      bar({ label: "Distance", value: one.score, threshold: face.threshold, most, passed: one.accepted, digits: 4, words: one.accepted ? "within" : "beyond" }),
      el("p", { class: "small soft" }, `False positive rate at this score: ${oneIn(one.false_positive_rate)}`)))));
}
