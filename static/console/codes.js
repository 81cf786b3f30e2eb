// A code of a reply as a button that opens the catalogue's explanation.

import { send } from "./api.js";
import { el } from "./dom.js";

const KINDS = { success: "good", caller: "warn", server: "bad" };
const described = new Map();

// Return the button of a code; `kind` is good, bad or warn, else what the catalogue says.
export function codeButton(code, kind = "") {
  const button = el("button", { class: "code", type: "button", "data-kind": kind, "aria-label": `Code ${code}: explain` }, String(code));
  button.addEventListener("click", () => open(code));
  return button;
}

export function kindOf(accepted, status) {
  return status >= 500 ? "bad" : status >= 400 ? "warn" : accepted === false ? "bad" : "good";
}

async function open(code) {
  if (!described.has(code)) {
    const reply = await send("GET", `/codes/${code}`);
    if (reply.status !== 200) return;
    described.set(code, reply.results);
  }
  show(described.get(code));
}

function show(found) {
  const close = el("button", { class: "button button-small", type: "button", onclick: () => dialog.close() }, "Close");
  const rows = [
    ["Cause", found.cause],
    ["What you can do", found.caller],
    ["What the operator can do", found.operator],
    ["HTTP status", String(found.http_status)],
    ["Try again", found.retry ? "Yes, the same request can succeed later." : "No, not unchanged."],
    ["Replies with it today", found.today],
  ].filter(([, value]) => value !== undefined && value !== null);
  const dialog = el("dialog", { "aria-labelledby": "code-title", class: "code-dialog" },
    el("div", { class: "dialog-head" }, el("h2", { id: "code-title" }, el("span", { class: "code-number", "data-kind": KINDS[found.kind] ?? "" }, `Code ${found.number}`)), close),
    el("p", { class: "lead" }, found.message),
    el("dl", { class: "pairs" }, rows.map(([name, value]) => [el("dt", {}, name), el("dd", {}, String(value))])));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
}
