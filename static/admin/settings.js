// The settings as they are in .env, with what is wrong with them. No secret's value is sent here.

import { el, fill } from "/static/console/dom.js";
import { card, field } from "./parts.js";
import { read } from "./server.js";

export const title = "Settings";

export async function show(place) {
  const { settings } = await read("settings");
  const wrong = settings.filter((row) => row.fault);
  const list = el("ul", { class: "settings" }, settings.map(setting));
  const filter = field("setting-text", "Filter", { type: "search", placeholder: "a key or a word of its meaning" });
  filter.querySelector("input").addEventListener("input", (event) => {
    const text = event.target.value.trim().toLowerCase();
    for (const row of list.children) row.hidden = !row.textContent.toLowerCase().includes(text);
  });
  fill(place,
    wrong.length
      ? el("div", { class: "notice", "data-kind": "bad" }, el("p", {}, "The settings are wrong: requests get 176 until .env is edited. No restart is needed."), el("ul", {}, wrong.map((row) => el("li", {}, el("b", {}, row.key), ` ${row.fault}`))))
      : el("p", { class: "notice", "data-kind": "good" }, "All settings are valid."),
    card("", filter, list, el("p", { class: "small soft" }, "Edit them in .env. Edits count at once; HOST, PORT and THREADS need a restart.")));
}

function setting(row) {
  return el("li", { "data-kind": row.fault ? "bad" : null },
    el("span", { class: "setting-key" }, row.key),
    el("span", { class: "setting-value" }, value(row)),
    el("span", { class: "setting-about small soft" }, row.fault ?? row.meaning));
}

function value(row) {
  if (row.secret) return el("span", { class: "soft" }, row.set ? "secret, set" : "secret, not set");
  if (row.value === null || row.value === undefined) return el("span", { class: "soft" }, "–");
  return [row.value === "" ? el("span", { class: "soft" }, "empty") : el("code", {}, row.value), row.set ? null : el("span", { class: "small soft" }, " default")];
}
