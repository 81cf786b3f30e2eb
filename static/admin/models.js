// The models that decide: hash, licence, calibration and thresholds.

import { el, fill } from "/static/console/dom.js";
import { fixed, oneIn } from "/static/console/numbers.js";
import { badge, card, pairs, table } from "./parts.js";
import { read } from "./server.js";

export const title = "Models";

export async function show(place) {
  const { recognition, liveness, liveness_reaches: reaches, calibration } = await read("models");
  fill(place,
    card("Recognition", table("Recognition models", [
      ["Model", (one) => one.name, "name"],
      ["Licence", (one) => one.licence, "wide"],
      ["SHA-256", (one) => hash(one.sha256), "id"],
      ["Input", (one) => one.input.join(" × "), "number"],
      ["Embedding", (one) => String(one.embedding), "number"],
      ["Threshold", (one) => fixed(one.threshold, 4), "number"],
    ], recognition, { stacks: true })),
    card("Calibration", pairs([
      ["State", calibration.calibrated ? badge("calibrated", "good") : badge("not calibrated", "warn")],
      ["Distance", calibration.distance],
      ["Photos needed", String(calibration.photos_needed)],
      ["Threshold then", fixed(calibration.threshold, 4)],
      ["False matches", calibration.calibrated ? oneIn(calibration.false_match_rate) : "published thresholds promise nothing; run bin/calibrate"],
      ["False finds", calibration.calibrated ? oneIn(calibration.false_positive_search_rate) : null],
    ])),
    card("Liveness", table("Liveness engines", [
      ["Engine", (one) => one.name, "name"],
      ["Licence", (one) => one.licence, "wide"],
      ["Files", (one) => one.files.map((file) => el("div", {}, file.file, " ", hash(file.sha256))), "id"],
    ], liveness, { empty: "No liveness engine is loaded.", stacks: true }),
    pairs(Object.entries(reaches).map(([name, rate]) => [name.replace(/_/g, " "), `${(100 * rate).toFixed(1)} %`]))));
}

function hash(text) {
  return text ? el("span", { class: "soft", title: text }, `${text.slice(0, 12)}…`) : el("span", { class: "soft" }, "missing");
}
