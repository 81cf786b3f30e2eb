// A decision, large and plain, with what the reply says about it.

import { codeButton, kindOf } from "./codes.js";
import { el } from "./dom.js";

// `texts` are what `accepted` true and false are called; `facts` are [name, value].
export function verdict(reply, texts, facts = []) {
  const accepted = reply.results?.accepted ?? null;
  const kind = kindOf(accepted, reply.status);
  return el("div", { class: "verdict", "data-kind": kind },
    el("p", { class: "verdict-text" }, accepted ? texts[0] : texts[1]),
    el("div", { class: "verdict-why" }, reply.code === null ? null : codeButton(reply.code, kind), el("p", {}, reply.message)),
    facts.length ? el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))) : null);
}
