// The API key: asked for when the server wants one, kept in this page's memory alone, gone when the page is.

import { el, find, fill } from "./dom.js";

let current = "";
let asking = null;

export function headers() {
  return current ? { "X-API-Key": current } : {};
}

// Ask for a key, again where the server does not accept the last one; resolves to false where the person closes the dialog.
export function askForKey() {
  asking ??= opened().finally(() => (asking = null));
  return asking;
}

function opened() {
  const why = current ? "The server does not accept this key: it is unknown, expired or revoked." : "Its operator makes keys, with bin/keys or on the operator’s page.";
  current = "";
  const input = el("input", { id: "key-value", type: "password", autocomplete: "off", spellcheck: "false" });
  const dialog = el(
    "dialog",
    { "aria-labelledby": "key-title" },
    el("div", { class: "dialog-head" }, el("h2", { id: "key-title" }, "This server needs a key")),
    el("form", { class: "stack" },
      el("p", { class: "soft" }, why),
      el("div", { class: "field" }, el("label", { for: "key-value" }, "API key"), input),
      el("p", { class: "small soft" }, "Kept in this page’s memory until you close or reload it."),
      el("div", { class: "actions" },
        el("button", { class: "button button-main", type: "submit" }, "Use key"),
        el("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel"))),
  );
  return new Promise((resolve) => {
    dialog.addEventListener("submit", (event) => {
      event.preventDefault();
      current = input.value.trim();
      if (current) dialog.close("used");
    });
    dialog.addEventListener("close", () => {
      dialog.remove();
      show();
      resolve(dialog.returnValue === "used");
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

function show() {
  const forget = el("button", { class: "button button-small", type: "button", onclick: () => { current = ""; show(); } }, "Forget key");
  fill(find("key-state"), current ? forget : null);
}
