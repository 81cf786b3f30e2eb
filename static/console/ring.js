// A score from 0 to 10 as a ring.

import { el, svg } from "./dom.js";

const RADIUS = 19;
const ROUND = 2 * Math.PI * RADIUS;

// `kept` is whether the server kept the photo; the score stands inside, so colour says nothing alone.
export function ring(score, kept) {
  const drawn = Math.max(0, Math.min(1, score / 10)) * ROUND;
  return el("span", { class: "ring", "data-kind": kept ? "good" : "bad", role: "img", "aria-label": `Score ${score.toFixed(1)} of 10, ${kept ? "kept" : "rejected"}` },
    svg("svg", { viewBox: "0 0 46 46", "aria-hidden": "true" },
      svg("circle", { cx: 23, cy: 23, r: RADIUS, class: "ring-track" }),
      svg("circle", { cx: 23, cy: 23, r: RADIUS, class: "ring-drawn", "stroke-dasharray": `${drawn} ${ROUND}`, transform: "rotate(-90 23 23)" })),
    el("span", { class: "ring-number", "aria-hidden": "true" }, score.toFixed(1)));
}
