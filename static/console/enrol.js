// Task 2: the uploaded face is kept under the ID.

import { headers } from "./key.js";
import { send } from "./api.js";
import { el, find, fill, isEnabled, setEnabled } from "./dom.js";
import { showLedger } from "./ledger.js";
import { count } from "./numbers.js";
import { showOutcome } from "./outcome.js";
import { withProgress } from "./progress.js";
import { onChange, session, setUpload, whyNoUpload } from "./session.js";

// `endpoints` is a promise of what the server can do; `after` is called once somebody was enrolled.
export function startEnrol(endpoints, after) {
  const button = find("enrol-go");
  const changed = () => {
    const why = whyNoUpload() || (find("person-name").value.trim() ? "" : "Enter a name first.");
    setEnabled(button, !why, why);
  };
  onChange(changed);
  find("person-name").addEventListener("input", changed);
  button.addEventListener("click", async () => {
    if (!isEnabled(button)) return;
    const reply = await enrol(endpoints);
    changed();
    if (reply.results?.mysql_id !== undefined) after();
  });
  changed();
}

async function enrol(endpoints) {
  const { id, person } = session.upload;
  const form = { upload_id: id, name: find("person-name").value, delete_pickles: false, rebuild_db: false, in_place: find("in-place").checked };
  const reply = await withProgress(find("enrol-progress"), find("enrol-go"), "The server enrols the face", () =>
    send("POST", "/upload_db", { form }));
  const saved = reply.results?.resulting_imgs;
  showOutcome(find("enrol-outcome"), reply, { accepted: Boolean(saved) });
  showLedger("Enrolment", reply, session.pictures);
  fill(find("enrol-shown"));
  if (saved) {
    setUpload(null);
    await showSaved(saved, person, endpoints);
  }
  return reply;
}

// The saved pictures where an endpoint gives them, their number where not.
async function showSaved(saved, person, endpoints) {
  const place = find("enrol-shown");
  fill(place, el("p", { class: "saved-line" }, `${count(saved.main.length, "face crop")} and ${count(saved.aug.length, "augmented picture")} saved`),
    el("details", { class: "small soft" }, el("summary", {}, "File names"), el("ul", { class: "files" }, [...saved.main, ...saved.aug].map((name) => el("li", {}, name)))));
  if (!(await endpoints).has("GET /people/{person_id}/faces")) return;
  const reply = await send("GET", `/people/${encodeURIComponent(person)}/faces`);
  const pictures = (reply.results?.faces ?? []).flatMap((face) => [face.thumbnail, ...(face.augmented ?? [])]).filter(Boolean);
  const shown = await Promise.all(pictures.slice(0, 15).map(thumbnail));
  place.prepend(el("div", { class: "thumbs" }, shown));
}

// A picture may need the key, which an <img> cannot send.
async function thumbnail(source) {
  const image = el("img", { alt: "", width: 56, height: 56 });
  if (source.startsWith("data:")) image.src = source;
  else {
    const reply = await fetch(source, { headers: headers() });
    if (reply.ok) image.src = URL.createObjectURL(await reply.blob());
  }
  return image;
}
