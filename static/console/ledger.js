// The ledger of the reply that came last: a row for each stage, opened for its values.

import { codeButton } from "./codes.js";
import { el, find, fill } from "./dom.js";
import { pictured } from "./faces.js";
import { milliseconds, moment } from "./numbers.js";
import { details, titleOf } from "./stages.js";

let rows = 0;

// Show a reply's stages under `title`, in `result`; `head` comes above them; `pictures` are Files by name. Nothing is
// shown of a reply without either.
export function showLedger(title, reply, pictures, head = null, result = find("result")) {
  const stages = reply.results?.stages ?? [];
  const longest = Math.max(1, ...stages.map((stage) => stage.milliseconds));
  const total = stages.reduce((sum, stage) => sum + stage.milliseconds, 0);
  if (!stages.length && !head) {
    delete result.dataset.filled;
    return;
  }
  fill(result,
    el("div", { class: "result-head" },
      el("h2", { id: `${result.id}-title` }, title),
      reply.requestId ? el("p", { class: "small soft request" }, `${moment(reply.when)}, request `, el("code", {}, reply.requestId)) : null,
      el("button", { class: "button button-small", type: "button", onclick: () => print(result) }, "Print")),
    head,
    stages.length ? el("div", { class: "ledger" },
      el("div", { class: "ledger-head small soft", "aria-hidden": "true" }, el("span"), el("span", {}, "Stage"), el("span", {}, "In → out"), el("span", { class: "ledger-time" }, "Time", el("span", { class: "total" }, `, ${milliseconds(total)} in all`)), el("span", {}, "Code")),
      el("ol", {}, stages.map((stage) => row(stage, longest, pictures)))) : null);
  result.dataset.filled = "true";
}

// Print the result with every stage opened.
async function print(result) {
  for (const closed of result.querySelectorAll(".stage-toggle[aria-expanded=false]:enabled")) closed.click();
  await pictured(result);
  window.print();
}

function row(stage, longest, pictures) {
  const id = `stage-${++rows}`;
  const isOpenable = Boolean(stage.items?.length || stage.about);
  const bar = el("span", { class: "time-bar", "aria-hidden": "true" }, el("span"));
  bar.firstChild.style.width = `${Math.max(1, (100 * stage.milliseconds) / longest)}%`;
  const body = el("div", { class: "stage-body", id, hidden: true });
  const toggle = el("button", { class: "stage-toggle", type: "button", "aria-expanded": "false", "aria-controls": id, disabled: !isOpenable },
    el("span", { class: "chevron", "aria-hidden": "true" }, isOpenable ? "›" : ""),
    el("span", { class: "stage-name" }, titleOf(stage.name)),
    el("span", { class: "stage-counts" }, `${stage.in} → ${stage.out}`),
    el("span", { class: "stage-time" }, bar, el("span", {}, milliseconds(stage.milliseconds))));
  toggle.addEventListener("click", () => {
    const opens = body.hidden;
    if (opens && !body.firstChild) fill(body, details(stage, pictures));
    body.hidden = !opens;
    toggle.setAttribute("aria-expanded", String(opens));
  });
  return el("li", { class: "stage" },
    el("div", { class: "stage-row" }, toggle, el("span", { class: "stage-code" }, stage.code === null ? el("span", { class: "soft", "aria-hidden": "true" }, "–") : codeButton(stage.code))),
    stage.advice ? el("p", { class: "stage-advice small soft" }, stage.advice) : null,
    body);
}
