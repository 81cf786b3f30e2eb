// Whether the server is well, what it answered by code and hour, and where the time goes.

import { el, fill } from "/static/console/dom.js";
import { milliseconds } from "/static/console/numbers.js";
import { hourChart } from "./chart.js";
import { codeButton, kindName, loadCodes } from "./codes.js";
import { card, field, table, when } from "./parts.js";
import { read } from "./server.js";

export const title = "Overview";

export async function show(place) {
  const [health, counts, { latency }] = await Promise.all([read("health"), read("counts"), read("stages"), loadCodes()]);
  fill(place, finder(), tiles(health, counts.today), chartCard(counts), latencyCard(latency));
}

// A request id is all that a caller has: it is asked for first.
function finder() {
  const form = el("form", { class: "finder card", role: "search" },
    field("find-request", "Request id", { placeholder: "X-Request-ID of a reply", required: true }),
    el("button", { class: "button button-main", type: "submit" }, "Find the cause"));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    location.hash = `#requests/${encodeURIComponent(form.querySelector("input").value.trim())}`;
  });
  return form;
}

function tiles(health, today) {
  const of = (kind) => Object.entries(today).reduce((sum, [number, count]) => sum + (kindName(Number(number)) === kind ? count : 0), 0);
  const all = Object.values(today).reduce((sum, count) => sum + count, 0);
  const lacking = Object.entries(health.lacking);
  return el("ul", { class: "tiles" },
    tile("Server", health.ready ? "Ready" : "Not ready", lacking.length ? lacking.map(([name, code]) => [`${name.replace(/_/g, " ")} `, codeButton(code), " "]) : "all parts answer", health.ready ? "good" : "bad"),
    tile("Enrolled people", health.people ?? "–", "in the gallery"),
    tile("Replies today", all.toLocaleString("en"), ["counted since ", when(health.counted_since)]),
    tile("The server’s fault", of("server").toLocaleString("en"), `${of("caller")} by callers`, of("server") ? "bad" : ""));
}

function tile(name, value, more, kind = "") {
  return el("li", { class: "card tile" }, el("span", { class: "small soft" }, name), el("span", { class: "tile-value", "data-kind": kind }, String(value)), el("span", { class: "small soft" }, more));
}

function chartCard(counts) {
  const codes = Object.keys(counts.codes).map(Number);
  return card("Replies by code and hour", codes.length
    ? hourChart(counts.hours, codes.map((number) => ({ number, kind: counts.codes[number].kind, today: counts.today[number] ?? 0 })))
    : el("p", { class: "soft empty" }, "Nothing was answered yet."),
  el("p", { class: "small soft" }, "The last 24 hours. Counts are in memory and begin anew with the process."));
}

function latencyCard(rows) {
  const longest = Math.max(1, ...rows.map((row) => row.p95));
  const bar = (row) => {
    const line = el("span", { class: "meter", "aria-hidden": "true" }, el("span"), el("span"));
    line.firstChild.style.width = `${(100 * row.p95) / longest}%`;
    line.lastChild.style.width = `${(100 * row.median) / longest}%`;
    return line;
  };
  return card("Time in each stage", table("Milliseconds by stage", [
    ["Stage", (row) => row.stage, "name"],
    ["Median, 95th percentile", bar, "wide desk"],
    ["Median", (row) => milliseconds(row.median), "number"],
    ["95 %", (row) => milliseconds(row.p95), "number"],
    ["Longest", (row) => milliseconds(row.most), "number desk"],
    ["Runs", (row) => String(row.runs), "number"],
  ], rows, { empty: "No request has gone through a stage yet." }));
}
