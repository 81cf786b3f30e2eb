// Uploads and when each of them ends.

import { el, fill } from "/static/console/dom.js";
import { badge, card, table, when } from "./parts.js";
import { read } from "./server.js";

export const title = "Uploads";

export async function show(place) {
  const { count, newest } = await read("uploads");
  fill(place, card("", table("Uploads, the newest first", [
    ["Made", (one) => when(one.made), "time desk"],
    ["Ends", (one) => when(one.ends), "time"],
    ["ID", (one) => one.person_id ?? "sealed", "wide"],
    ["Mark", (one) => `${one.mark}…`, "id desk"],
    ["Photos", (one) => String(one.photos), "number desk"],
    ["State", (one) => one.is_enrolled ? badge("enrolled", "good") : badge("waiting", "")],
  ], newest, { empty: "There are no uploads." }), el("p", { class: "small soft" }, `${newest.length} of ${count}. UPLOAD_TTL says when uploads end.`)));
}
