// A value against its threshold as a bar with a mark.

import { el } from "./dom.js";
import { fixed } from "./numbers.js";

// `passed` decides the colour; the numbers stand beside the bar for whoever does not see it.
export function bar({ label, value, threshold, most, passed, digits = 3, words = "" }) {
  const drawn = el("span", { class: "bar-drawn" });
  drawn.style.width = `${share(value, most)}%`;
  const mark = threshold === null || threshold === undefined ? null : el("span", { class: "bar-mark" });
  if (mark) mark.style.left = `${share(threshold, most)}%`;
  const limit = mark ? ` / ${fixed(threshold, digits)}` : "";
  return el("div", { class: "bar", "data-kind": passed ? "good" : "bad" },
    el("span", { class: "bar-label" }, label),
    el("span", { class: "bar-track", "aria-hidden": "true" }, drawn, mark),
    el("span", { class: "bar-value" }, `${fixed(value, digits)}${limit}`, words ? el("span", { class: "bar-words" }, words) : null));
}

function share(value, most) {
  return Math.max(0.5, Math.min(100, (100 * value) / most));
}
