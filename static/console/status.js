// Whether the server can serve requests now; asked again until it can.

import { send } from "./api.js";
import { codeButton } from "./codes.js";
import { el, find, fill } from "./dom.js";

const AGAIN_MS = 3000;

let again = 0;

export async function showStatus() {
  clearTimeout(again);
  const reply = await send("GET", "/health/ready");
  const isReady = reply.status === 200;
  const text = isReady ? "Ready" : reply.status === 503 ? "Not ready" : "No answer";
  fill(find("status"), el("span", { class: "status-dot", "data-kind": isReady ? "good" : "warn", "aria-hidden": "true" }), el("span", { class: "status-text" }, text),
    isReady || reply.code === null ? null : codeButton(reply.code, "warn"));
  if (!isReady) again = setTimeout(showStatus, AGAIN_MS);
}
