// Asks for SUPER_PASSWORD, or says why nobody gets in.

import { announce, el, fill } from "/static/console/dom.js";
import { exchange } from "./server.js";

export function showSignIn(main, enter, { notice = "", closed = "" } = {}) {
  const password = el("input", { id: "password", type: "password", autocomplete: "current-password", required: true, "aria-describedby": "sign-in-outcome" });
  const outcome = el("p", { class: "sign-in-outcome small", id: "sign-in-outcome" }, notice);
  const form = el("form", { class: "stack" },
    el("input", { type: "text", name: "username", autocomplete: "username", value: "operator", hidden: true, readonly: true }),
    el("div", { class: "field" }, el("label", { for: "password" }, "Password"), password, el("span", { class: "small soft" }, "SUPER_PASSWORD of the server’s .env")),
    el("button", { class: "button button-main button-wide", type: "submit" }, "Sign in"),
    outcome);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const reply = await exchange("POST", "session", { password: password.value });
    if (reply.status === 200) return enter(reply.results.csrf);
    const text = sentence(reply);
    outcome.textContent = text;
    outcome.dataset.kind = "bad";
    password.setAttribute("aria-invalid", "true");
    password.select();
    announce(text);
  });
  fill(main, el("section", { class: "card sign-in", "aria-labelledby": "sign-in-title" },
    el("h1", { id: "sign-in-title" }, "Operator"),
    closed ? el("p", { class: "notice", "data-kind": "warn" }, closed) : form));
  main.dataset.ready = "sign-in";
  if (!closed) password.focus();
}

function sentence(reply) {
  const wait = reply.results?.retry_after;
  if (wait) return `Too many wrong passwords. Try again in ${wait} s.`;
  return reply.results?.advice ?? reply.message;
}
