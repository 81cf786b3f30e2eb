// What a reply says about one photo: its score as a ring, and the check that failed with its advice.

import { el } from "./dom.js";
import { fixed } from "./numbers.js";
import { ring } from "./ring.js";

// `checks` are the reply's reasons; `kept` is whether the photo goes on. Returns {ring, lines} for a picker.
export function about(score, checks, kept) {
  const failed = checks.filter((check) => !check.passed);
  const cause = failed.find((check) => check.check !== "UnifiedQualityScore") ?? failed[0];
  const lines = cause
    ? [el("span", { class: "small" }, cause.advice), cause.value === null ? null : el("span", { class: "small soft" }, `${words(cause.check)} ${measured(cause)}`)]
    : [el("span", { class: "small soft" }, kept ? "Kept" : "Not kept")];
  return { lines, ring: score === undefined || score === null ? el("span", { class: "small soft" }, "–") : ring(score, kept) };
}

function measured(check) {
  return check.threshold === null ? fixed(check.value, 1) : `${fixed(check.value, 1)}, limit ${fixed(check.threshold, 1)}`;
}

// "HeadPoseYaw" as "Head pose yaw".
function words(name) {
  const text = name.replace(/[._]/g, " ").replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
