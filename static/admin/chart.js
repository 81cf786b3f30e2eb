// Replies by hour: a column for each hour, and beneath it a row for each code, darker where it came more often.

import { el, svg } from "/static/console/dom.js";
import { codeButton } from "./codes.js";

const CELL = 10;
const GAP = 1;
const HEIGHT = 64;
const CLASSES = { success: "is-success", verdict: "is-verdict", caller: "is-caller", server: "is-server" };
const WORDS = { success: "successes", verdict: "verdicts", caller: "mistakes of callers", server: "faults of the server" };
const ORDER = ["server", "caller", "verdict", "success"];

export function hourChart(hours, codes) {
  const ordered = [...codes].sort((one, other) => ORDER.indexOf(one.kind) - ORDER.indexOf(other.kind) || one.number - other.number);
  const most = Math.max(1, ...hours.flatMap((hour) => Object.values(hour.counts)));
  return el("div", { class: "hours" },
    el("span", { class: "hours-code" }), columns(hours, ordered), el("span", { class: "hours-today small soft" }, "Today"),
    ordered.map((code) => [
      el("span", { class: "hours-code" }, codeButton(code.number)),
      cells(hours, code, most),
      el("span", { class: "hours-today" }, String(code.today)),
    ]),
    el("span", { class: "hours-code" }), axis(hours), el("span", { class: "hours-today" }));
}

function columns(hours, codes) {
  const sums = hours.map((hour) => Object.values(hour.counts).reduce((sum, count) => sum + count, 0));
  const most = Math.max(1, ...sums);
  const drawing = frame(hours, HEIGHT, `Replies by hour, ${most} at most, ${sums.at(-1)} in the current one`);
  hours.forEach((hour, at) => {
    let top = HEIGHT;
    for (const kind of [...ORDER].reverse()) {
      const count = codes.filter((code) => code.kind === kind).reduce((sum, code) => sum + (hour.counts[code.number] ?? 0), 0);
      if (!count) continue;
      const height = (count / most) * HEIGHT;
      top -= height;
      drawing.append(svg("rect", { x: at * CELL + GAP / 2, y: top, width: CELL - GAP, height, class: CLASSES[kind] }, svg("title", {}, `${clock(hour)}: ${count} ${WORDS[kind]}`)));
    }
  });
  drawing.append(svg("line", { x1: 0, x2: hours.length * CELL, y1: HEIGHT, y2: HEIGHT, class: "base" }));
  return drawing;
}

function cells(hours, { number, kind }, most) {
  const drawing = frame(hours, CELL, `Code ${number} by hour: ${hours.map((hour) => hour.counts[number] ?? 0).join(", ")}`);
  hours.forEach((hour, at) => {
    const count = hour.counts[number] ?? 0;
    const strength = count ? 0.3 + 0.7 * Math.sqrt(count / most) : 1;
    drawing.append(svg("rect", { x: at * CELL + GAP / 2, y: 0, width: CELL - GAP, height: CELL, rx: 1.5, class: count ? CLASSES[kind] : "is-none", opacity: strength }, svg("title", {}, `${clock(hour)}: ${count} of ${number}`)));
  });
  return drawing;
}

function axis(hours) {
  const shown = hours.filter((_, at) => at % 6 === 0 || at === hours.length - 1);
  return el("div", { class: "hours-axis small soft", "aria-hidden": "true" }, shown.map((hour) => el("span", {}, clock(hour))));
}

function frame(hours, height, label) {
  return svg("svg", { viewBox: `0 0 ${hours.length * CELL} ${height}`, preserveAspectRatio: "none", role: "img", "aria-label": label, class: height === HEIGHT ? "columns" : "cells" });
}

function clock(hour) {
  return new Date(hour.begins * 1000).toISOString().slice(11, 16);
}
