// A code as a button that opens what it means, for operators.

import { el } from "/static/console/dom.js";
import { opened, pairs } from "./parts.js";

const KINDS = { success: "good", verdict: "", caller: "warn", server: "bad" };
const known = new Map();

export function kindOf(number) {
  return KINDS[known.get(number)?.kind] ?? "";
}

export function kindName(number) {
  return known.get(number)?.kind ?? "verdict";
}

// Load the catalogue once: every view names codes.
export async function loadCodes() {
  if (known.size) return;
  const response = await fetch("/codes", { headers: { Accept: "application/json" } });
  for (const [number, entry] of Object.entries((await response.json()).results)) known.set(Number(number), entry);
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
    ["The caller", entry.caller],
    ["The operator", entry.operator],
    ["Today", entry.today === undefined ? null : `${entry.today} ${entry.today === 1 ? "time" : "times"}`],
  ])];
}

export function messageOf(number) {
  return known.get(number)?.message ?? "";
}
