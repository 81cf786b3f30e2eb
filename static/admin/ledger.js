// A request's ledger: a row for each stage, opened for the values of each photo.

import { el } from "/static/console/dom.js";
import { milliseconds } from "/static/console/numbers.js";
import { codeButton } from "./codes.js";

export function ledger(stages) {
  const longest = Math.max(1, ...stages.map((stage) => stage.milliseconds));
  return el("ol", { class: "ledger" }, stages.map((stage) => row(stage, longest)));
}

function row(stage, longest) {
  const bar = el("span", { class: "meter", "aria-hidden": "true" }, el("span"), el("span"));
  bar.lastChild.style.width = `${Math.max(1, (100 * stage.milliseconds) / longest)}%`;
  const line = [
    el("span", { class: "ledger-name" }, stage.name),
    el("span", { class: "ledger-counts" }, `${stage.in} → ${stage.out}`),
    bar,
    el("span", { class: "ledger-time" }, milliseconds(stage.milliseconds)),
  ];
  const code = stage.code === null ? null : codeButton(stage.code);
  const isOpenable = stage.items.length || stage.about;
  const body = isOpenable
    ? el("details", {}, el("summary", { class: "ledger-line" }, line), stage.items.map(values), stage.about ? values(stage.about) : null)
    : el("div", { class: "ledger-line" }, line);
  return el("li", {}, body, code, stage.advice ? el("p", { class: "small soft" }, stage.advice) : null);
}

function values(item) {
  return el("dl", { class: "values small" }, Object.entries(item).map(([name, value]) => el("div", {}, el("dt", {}, name.replace(/_/g, " ")), el("dd", {}, shown(value)))));
}

function shown(value) {
  if (value === null || value === undefined || value === "") return "–";
  if (typeof value === "number") return Number.isInteger(value) ? String(value) : value.toFixed(4);
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (Array.isArray(value)) return value.map(shown).join(", ") || "none";
  if (typeof value === "object") return Object.entries(value).map(([name, inner]) => `${name} ${shown(inner)}`).join(" · ");
  return String(value);
}
