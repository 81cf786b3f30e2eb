// The log's last lines, or those of one request.

import { el, fill } from "/static/console/dom.js";
import { card, field } from "./parts.js";
import { read } from "./server.js";

export const title = "Log";

const TEXT = /^(\S+) --- (\S+) --- (\S+) --- (.*)$/s;
const KINDS = { WARNING: "warn", ERROR: "bad", CRITICAL: "bad" };

export async function show(place, what) {
  const lines = el("div", {});
  const form = el("form", { class: "filters", role: "search" },
    field("log-request", "Request id", { value: what, placeholder: "all lines without one" }),
    el("button", { class: "button", type: "submit" }, "Filter"));
  const list = async () => {
    const found = await read("log", { request_id: form.querySelector("input").value.trim() });
    fill(lines, logLines(found.lines));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    list();
  });
  await list();
  fill(place, card("", form, lines));
}

// Lines, the newest first.
export function logLines(lines) {
  if (!lines.length) return el("p", { class: "soft empty" }, "The log has no such line.");
  return el("ol", { class: "log", tabindex: "0", "aria-label": "Lines of the log, the newest first" }, [...lines].reverse().map((line) => {
    const { level, time, id, message } = parsed(line);
    return el("li", { "data-kind": KINDS[level] }, el("span", { class: "log-head" }, el("span", {}, time.replace("T", " ").slice(0, 23)), level === "INFO" ? null : el("b", {}, level), id && id !== "-" ? el("a", { href: `#requests/${encodeURIComponent(id)}` }, id) : null), el("span", { class: "log-message" }, message));
  }));
}

function parsed(line) {
  if (line.startsWith("{")) {
    try {
      const entry = JSON.parse(line);
      return { level: entry.level, time: entry.time, id: entry.request_id, message: [entry.message, entry.traceback].filter(Boolean).join("\n") };
    } catch {
      return { level: "", time: "", id: "", message: line };
    }
  }
  const found = TEXT.exec(line);
  return found ? { level: found[1], time: found[2], id: found[3], message: found[4] } : { level: "", time: "", id: "", message: line };
}
