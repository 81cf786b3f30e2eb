// A decision, large and plain, why it was made, and what the reply says about it.

import { codeButton, kindOf } from "./codes.js";
import { el } from "./dom.js";
import { count, fixed } from "./numbers.js";

// What the deciding stages found, in a sentence each, from `in`, `out` and, for callers who may see them, the items.
const SENTENCES = {
  liveness: (came, out, items) => `${out} of ${count(came, "face")} judged live${spread(items, Math.max, "highest spoof score")}.`,
  replay: (came, out) => (came === out ? "No photo was used before." : `${came - out} of ${count(came, "photo")} used before.`),
  compare: (came, out, items) => `${out} of ${count(came, "face")} within the threshold${spread(items, Math.min, "smallest distance")}.`,
  nearest: (people, out) => (out ? "No other enrolled person is nearer." : "Another enrolled person is nearer."),
  search: (people, out) => `Of ${count(people, "enrolled person", "enrolled people")}, this one is ${out ? "" : "not "}the nearest within the thresholds.`,
};

// `texts` are what `accepted` true and false are called; `isDecided` is false where the server could not decide; `facts`
// are [name, value].
export function verdict(reply, isDecided, texts, facts = []) {
  const accepted = reply.results?.accepted ?? null;
  const kind = isDecided ? kindOf(accepted, reply.status) : "warn";
  const deciding = (reply.results?.stages ?? []).filter(({ name }) => name in SENTENCES);
  const reasons = deciding.map(({ name, in: came, out, items = [] }) => SENTENCES[name](came, out, items));
  return el("div", { class: "verdict", "data-kind": kind },
    el("p", { class: "verdict-text" }, isDecided ? texts[accepted ? 0 : 1] : "No decision"),
    el("div", { class: "verdict-why" }, reply.code === null ? null : codeButton(reply.code, kind), el("p", {}, reply.message)),
    reasons.length ? el("ul", { class: "reasons" }, reasons.map((reason) => el("li", {}, reason))) : null,
    facts.length ? el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))) : null);
}

function spread(items, most, words) {
  return items.length ? `: ${words} ${fixed(most(...items.map((item) => item.score)), 3)}, limit ${fixed(items[0].threshold, 3)}` : "";
}
