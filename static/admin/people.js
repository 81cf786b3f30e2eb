// Who is enrolled; what is stored of a person; forgetting, with a receipt.

import { el, fill } from "/static/console/dom.js";
import { count } from "/static/console/numbers.js";
import { card, confirmed, copyButton, failed, field, opened, pairs, table, when } from "./parts.js";
import { change, read } from "./server.js";

export const title = "People";

const MOST_FACES = 12;

export async function show(place, what) {
  if (what) return showPerson(place, what);
  const found = el("div", {});
  const form = el("form", { class: "filters", role: "search" },
    field("person-text", "ID or name", { placeholder: "or a part of it" }),
    el("button", { class: "button", type: "submit" }, "Search"));
  const list = async () => {
    const { people, more, count: all } = await read("people", { text: form.querySelector("input").value.trim() });
    fill(found, table("People", [
      ["ID", (one) => el("a", { href: `#people/${encodeURIComponent(one.id)}` }, one.id), "id"],
      ["Name", (one) => one.name, "wide"],
    ], people, { empty: "Nobody fits." }), el("p", { class: "small soft" }, `${more ? "The first " : ""}${people.length} of ${all ?? "?"} enrolled.`));
  };
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    list();
  });
  await list();
  fill(place, card("", form, found));
}

async function showPerson(place, id) {
  const person = await read(`people/${encodeURIComponent(id)}`);
  const forget = el("button", { class: "button button-danger", type: "button" }, "Forget this person");
  forget.addEventListener("click", async () => {
    const text = `Every trace of ${person.name} (${person.id}) is removed from database, disk and gallery. This cannot be undone.`;
    if (await confirmed(`Forget ${person.name}?`, text, "Forget")) forgetPerson(place, person);
  });
  const lifted = el("span", { class: "soft small", role: "status" });
  const lift = el("button", { class: "button", type: "button", title: "After failed verifications an ID has to wait" }, "End its wait");
  lift.addEventListener("click", async () => {
    try {
      await change("DELETE", `limits/${encodeURIComponent(person.id)}`);
      lifted.textContent = "The ID may be verified at once.";
    } catch (reply) {
      place.prepend(failed(reply));
    }
  });
  fill(place,
    el("p", { class: "back" }, el("a", { href: "#people" }, "All people")),
    card(person.name, pairs([
      ["ID", person.id],
      ["Row", String(person.row)],
      ["Folder", person.folder_exists ? person.folder : `${person.folder} (missing)`],
      ["In the log", person.pseudonym],
      ["Same person as", person.same_as.join(", ")],
      ["Uploads", `${person.uploads}, with ${count(person.uploaded_photos, "photo")}`],
    ]), faces(person), el("div", { class: "actions" }, forget, lift, lifted)),
    card("Enrolments", table("Enrolments", [
      ["Made", (one) => when(one.made), "wide"],
      ["Photos", (one) => String(one.photos), "number"],
    ], person.enrolments)));
}

function faces(person) {
  const numbers = Array.from({ length: Math.min(person.faces, MOST_FACES) }, (_, at) => at);
  return el("ul", { class: "faces" }, numbers.map((at) => el("li", {}, el("img", { src: `/admin/api/people/${encodeURIComponent(person.id)}/faces/${at}`, alt: `Enrolled face ${at + 1} of ${person.faces}`, width: 96, height: 96, loading: "lazy" }))));
}

async function forgetPerson(place, person) {
  try {
    const { receipt } = await change("DELETE", `people/${encodeURIComponent(person.id)}`);
    const text = JSON.stringify(receipt, null, 2);
    const removed = Object.entries(receipt.removed).filter(([, number]) => number).map(([name, number]) => `${name.replace(/_/g, " ")} ${number}`).join(", ");
    const dialog = opened("Forgotten", el("p", {}, "The receipt is signed and shown once: the server keeps no copy of it."),
      pairs([["Person", receipt.person], ["Time", receipt.time.replace("T", " ")], ["Removed", removed]]), el("pre", { class: "receipt small", tabindex: "0" }, text), el("div", { class: "actions" }, copyButton(text, "Copy the receipt")));
    dialog.addEventListener("close", () => (location.hash = "#people"));
  } catch (reply) {
    place.prepend(failed(reply));
  }
}
