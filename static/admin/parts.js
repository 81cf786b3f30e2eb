// Parts that several views use: tables, notices, dialogs, times.

import { announce, el } from "/static/console/dom.js";

// A table; a column is [title, what makes its cell of a row, class]. On a phone columns of class `desk` are left out, and
// with `stacks` each row is a block.
export function table(caption, columns, rows, { empty = "Nothing here.", stacks = false } = {}) {
  if (!rows.length) return el("p", { class: "soft empty" }, empty);
  const head = el("tr", {}, columns.map(([title, , kind]) => el("th", { scope: "col", class: kind }, title)));
  const body = rows.map((row) => el("tr", {}, columns.map(([title, cell, kind]) => el("td", { class: kind, "data-title": title }, cell(row)))));
  return el("div", { class: "table-wrap" }, el("table", { class: stacks ? "stacks" : null }, el("caption", { class: "visually-hidden" }, caption), el("thead", {}, head), el("tbody", {}, body)));
}

export function card(title, ...content) {
  return el("section", { class: "card" }, title ? el("h2", {}, title) : null, content);
}

export function failed(reply) {
  const faults = reply.system_errors ? [...reply.system_errors.not_in_env.map((key) => `${key} is missing.`), ...reply.system_errors.env_errs] : [];
  return el("div", { class: "notice", "data-kind": "bad", role: "alert" },
    el("p", {}, reply.code ? `${reply.code} ` : "", reply.message),
    el("p", { class: "small" }, reply.results?.advice ?? ""),
    faults.length ? el("ul", { class: "small" }, faults.map((fault) => el("li", {}, fault))) : null);
}

// Ask before something that cannot be undone; resolves to whether it is wanted.
export function confirmed(title, text, action) {
  const dialog = opened(title, el("p", {}, text), el("div", { class: "actions" },
    el("button", { class: "button button-danger", type: "button", onclick: () => dialog.close("yes") }, action),
    el("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel")));
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes")));
}

export function opened(title, ...content) {
  const close = el("button", { class: "button button-small", type: "button", onclick: () => dialog.close() }, "Close");
  const dialog = el("dialog", { "aria-labelledby": "dialog-title" },
    el("div", { class: "dialog-head" }, el("h2", { id: "dialog-title" }, title), close),
    el("div", { class: "stack" }, content));
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => event.target === dialog && dialog.close());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

export function copyButton(text, label = "Copy") {
  const button = el("button", { class: "button button-small", type: "button" }, label);
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
    announce("Copied");
  });
  return button;
}

export function pairs(rows) {
  return el("dl", { class: "pairs" }, rows.filter(([, value]) => value !== null && value !== undefined && value !== "").map(([name, value]) => [el("dt", {}, name), el("dd", {}, value)]));
}

// A time in seconds since 1970: the clock alone where it is today.
export function when(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  const iso = new Date(seconds * 1000).toISOString();
  const isToday = iso.slice(0, 10) === new Date().toISOString().slice(0, 10);
  return el("time", { datetime: iso, title: iso }, isToday ? iso.slice(11, 19) : iso.slice(0, 16).replace("T", " "));
}

export function day(seconds) {
  return seconds ? el("time", { datetime: new Date(seconds * 1000).toISOString() }, new Date(seconds * 1000).toISOString().slice(0, 10)) : "never";
}

export function badge(text, kind) {
  return el("span", { class: "badge", "data-kind": kind }, text);
}

export function field(id, label, attributes = {}) {
  return el("div", { class: "field" }, el("label", { for: id }, label), el("input", { id, autocomplete: "off", spellcheck: "false", ...attributes }));
}
