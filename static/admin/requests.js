// The last requests, and all that is known of one: what its code means, its ledger, its lines of the log.

import { el, fill } from "/static/console/dom.js";
import { milliseconds } from "/static/console/numbers.js";
import { codeButton, explained, loadCodes } from "./codes.js";
import { ledger } from "./ledger.js";
import { logLines } from "./log.js";
import { card, field, pairs, table, when } from "./parts.js";
import { read } from "./server.js";

export const title = "Requests";

export async function show(place, what) {
  await loadCodes();
  if (what) return showOne(place, what);
  const found = el("div", {});
  const form = el("form", { class: "filters", role: "search" },
    field("by-id", "Request id", { placeholder: "or a part of it" }),
    field("by-code", "Code", { inputmode: "numeric", maxlength: 3 }),
    field("by-person", "Person", { placeholder: "pseudonym" }),
    el("button", { class: "button", type: "submit" }, "Filter"));
  const list = async () => {
    const [id, code, person] = [...form.querySelectorAll("input")].map((input) => input.value.trim());
    const { requests, count } = await read("requests", { request_id: id, code, person });
    fill(found, requestTable(requests), el("p", { class: "small soft" }, `${requests.length} of ${count} that are in memory; older ones are in the log.`));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    list();
  });
  await list();
  fill(place, card("", form, found));
}

function requestTable(requests) {
  return table("The last requests", [
    ["Time", (one) => when(one.when), "time"],
    ["Request", (one) => [el("a", { href: `#requests/${encodeURIComponent(one.request_id)}` }, short(one.request_id)), el("div", { class: "phone small soft" }, `${one.method} ${one.endpoint}`)], "id"],
    ["Endpoint", (one) => `${one.method} ${one.endpoint}`, "wide desk"],
    ["Code", (one) => codeButton(one.code)],
    ["Took", (one) => milliseconds(one.milliseconds), "number desk"],
    ["Person", (one) => one.person ? short(one.person, 8) : "–", "id desk"],
    ["Key", (one) => one.key_id || "–", "id desk"],
  ], requests, { empty: "No request fits." });
}

async function showOne(place, id) {
  const { requests, codes, log } = await read(`requests/${encodeURIComponent(id)}`);
  fill(place,
    el("p", { class: "back" }, el("a", { href: "#requests" }, "All requests")),
    codes.map((entry) => card("", el("div", { class: "cause" }, el("h2", {}, "Code ", codeButton(entry.number)), explained(entry)))),
    card(`Request ${id}`, requests.map((one) => pairs([
      ["Answered", [when(one.when), ` in ${milliseconds(one.milliseconds)}`]],
      ["Endpoint", `${one.method} ${one.endpoint}`],
      ["Person", one.person],
      ["Key", one.key_id],
    ])), requests.length ? null : el("p", { class: "soft" }, "It is no longer in memory; the log still has it.")),
    requests.filter((one) => one.stages.length).map((one) => card("Stages", ledger(one.stages))),
    card("Log", logLines(log)));
}

function short(text, length = 12) {
  return text.length > length ? el("span", { title: text }, `${text.slice(0, length)}…`) : text;
}
