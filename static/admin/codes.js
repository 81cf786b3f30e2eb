// A code as a button that opens what it means, for operators.

import { el } from "/static/console/dom.js";
import { opened, pairs } from "./parts.js";
import { read } from "./server.js";

const KINDS = { success: "good", verdict: "", caller: "warn", server: "bad" };
const known = new Map();

export function kindOf(number) {
  return KINDS[known.get(number)?.kind] ?? "";
}

export function kindName(number) {
  return known.get(number)?.kind ?? "verdict";
}

// Load the catalogue once: views name codes.
export async function loadCodes() {
  if (known.size) return;
  for (const entry of (await read("codes")).codes) known.set(entry.number, entry);
}

export function codeButton(number) {
  return el("button", { class: "code", type: "button", "data-kind": kindOf(number), "aria-label": `Code ${number}: explain`, onclick: () => explain(number) }, String(number));
}

function explain(number) {
  const entry = known.get(number);
  if (entry) opened(`Code ${number}`, explained(entry));
}

export function explained(entry) {
  return [el("p", { class: "lead" }, entry.message), pairs([
    ["Cause", entry.cause === entry.message ? null : entry.cause],
    ["The caller", said(entry.caller)],
    ["You", said(entry.operator)],
    ["Today", entry.today === undefined ? null : `${entry.today} ${entry.today === 1 ? "time" : "times"}`],
  ])];
}

function said(text) {
  return text === "Nothing." ? null : text;
}
