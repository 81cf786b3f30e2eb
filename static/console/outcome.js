// One line about a reply: its code, its message, and what can be done about it; then what it says besides.

import { codeButton, kindOf } from "./codes.js";
import { announce, el, fill } from "./dom.js";
import { showStatus } from "./status.js";

// `next` is what can be done after a success.
export function showOutcome(place, reply, { accepted = null, next = "" } = {}) {
  const { advice = "" } = reply.results ?? {};
  const what = advice && advice !== "Nothing." ? advice : next;
  fill(place,
    el("div", { class: "outcome-line" },
      reply.code === null ? null : codeButton(reply.code, kindOf(accepted, reply.status)),
      el("p", {}, reply.message)),
    what ? el("p", { class: "small soft" }, what) : null,
    ...[faults(reply.systemErrors), notes(reply.results)].map((lines) => (lines.length ? el("ul", { class: "small soft" }, lines.map((line) => el("li", {}, line))) : null)));
  announce(`${reply.message} ${what}`);
  if (reply.status === 0 || reply.status === 503) showStatus();
}

function faults(found) {
  return found ? [...(found.not_in_env ?? []).map((key) => `${key} is missing.`), ...(found.env_errs ?? [])] : [];
}

function notes(results) {
  const { warnings = [], left_out: left = {}, possible_duplicates: others = [] } = results ?? {};
  return [
    ...warnings,
    ...Object.entries(left).map(([name, code]) => [`Left out: ${name} `, codeButton(code, "warn")]),
    ...others.map((id) => `The same face is enrolled under ${id ?? "another ID"}.`),
  ];
}
