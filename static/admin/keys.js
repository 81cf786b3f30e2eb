// API keys: listed, made and shown once, revoked.

import { el, fill } from "/static/console/dom.js";
import { badge, card, confirmed, copyButton, day, failed, field, opened, table } from "./parts.js";
import { change, read } from "./server.js";

export const title = "API keys";

const KINDS = { valid: "good", expired: "warn", revoked: "" };
const DAYS = 365;

export async function show(place) {
  const { keys, scopes } = await read("keys");
  const again = () => show(place);
  fill(place,
    keys.length ? null : el("p", { class: "notice" }, "There are no keys, so the server is open to its own machine. From the first key on every caller needs one, on this machine too."),
    card("Keys", list(keys, again)),
    card("Make a key", form(scopes, again)));
}

function list(keys, again) {
  return table("API keys", [
    ["Name", (key) => key.label, "wide"],
    ["Key id", (key) => key.key_id, "id"],
    ["Scopes", (key) => key.scopes.join(", ")],
    ["Made", (key) => day(key.created), "time"],
    ["Ends", (key) => day(key.expires), "time"],
    ["State", (key) => badge(key.state, KINDS[key.state])],
    ["", (key) => key.state === "valid" ? el("button", { class: "button button-small", type: "button", "aria-label": `Revoke ${key.label}`, onclick: () => revoke(key, again) }, "Revoke") : "", "end"],
  ], keys, { empty: "No key was made yet.", stacks: true });
}

async function revoke(key, again) {
  if (!(await confirmed(`Revoke ${key.label}?`, `Within 2 seconds every server refuses the key ${key.key_id}. It cannot be made valid again.`, "Revoke"))) return;
  await change("DELETE", `keys/${key.key_id}`).catch(() => {});
  again();
}

function form(scopes, again) {
  const outcome = el("div", {});
  const made = el("form", { class: "stack key-form" },
    el("div", { class: "key-fields" }, field("key-label", "Name", { maxlength: 100, required: true, placeholder: "whom the key is for" }), field("key-days", "Days until it ends (0: never)", { type: "number", min: 0, max: 36500, value: DAYS, required: true })),
    el("fieldset", {}, el("legend", { class: "label" }, "Scopes"), scopes.map((scope) => el("label", { class: "choice" }, el("input", { type: "checkbox", value: scope }), scope))),
    el("div", { class: "actions" }, el("button", { class: "button button-main", type: "submit" }, "Make the key")), outcome);
  made.addEventListener("submit", async (event) => {
    event.preventDefault();
    const chosen = [...made.querySelectorAll("input:checked")].map((input) => input.value);
    const asked = { label: made.querySelector("#key-label").value, scopes: chosen, days: Number(made.querySelector("#key-days").value) };
    try {
      const key = await change("POST", "keys", asked);
      await again();
      opened("The new key", el("p", {}, "Shown this once. Whoever holds it may: ", key.scopes.join(", "), "."), el("p", { class: "secret" }, el("code", {}, key.key)), el("div", { class: "actions" }, copyButton(key.key, "Copy the key")));
    } catch (reply) {
      fill(outcome, failed(reply));
    }
  });
  return made;
}
