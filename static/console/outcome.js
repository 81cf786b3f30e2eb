// One line about a reply: its code, its message, and what can be done about it.

import { codeButton, kindOf } from "./codes.js";
import { announce, el, fill } from "./dom.js";

export function showOutcome(place, reply, { accepted = null, more = null } = {}) {
  const advice = reply.results?.advice;
  const faults = reply.systemErrors ? [...(reply.systemErrors.not_in_env ?? []).map((key) => `${key} is missing.`), ...(reply.systemErrors.env_errs ?? [])] : [];
  fill(place,
    el("div", { class: "outcome-line" },
      reply.code === null ? null : codeButton(reply.code, kindOf(accepted, reply.status)),
      el("p", {}, reply.message)),
    advice && advice !== "Nothing." ? el("p", { class: "small soft" }, advice) : null,
    faults.length ? el("ul", { class: "small soft" }, faults.map((fault) => el("li", {}, fault))) : null,
    ...[more].flat());
  announce(`${reply.message} ${advice ?? ""}`);
}
