// Task 2: the uploaded face is kept under the ID.

import { headers } from "./key.js";
import { send } from "./api.js";
import { el, find, fill, isEnabled, setEnabled } from "./dom.js";
import { showLedger } from "./ledger.js";
import { count } from "./numbers.js";
import { showOutcome } from "./outcome.js";
import { withProgress } from "./progress.js";
import { onChange, session, setUpload, whyNoUpload } from "./session.js";

const MOST_AUGMENTED = 8;

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

// The saved pictures where this caller may see them (scope people), their number where not.
async function showSaved(saved, person, endpoints) {
  const place = find("enrol-shown");
  fill(place, el("p", { class: "saved-line" }, `${count(saved.main.length, "face crop")} and ${count(saved.aug.length, "augmented picture")} saved`),
    el("details", { class: "small soft" }, el("summary", {}, "File names"), el("ul", { class: "files" }, [...saved.main, ...saved.aug].map((name) => el("li", {}, name)))));
  if (!(await endpoints).has("GET /people/{person_id}/faces/{face_id}")) return;
  const path = `/people/${encodeURIComponent(person)}`;
  const faces = (await send("GET", path)).results?.faces ?? [];
  const each = Math.min(MOST_AUGMENTED, Math.round(saved.aug.length / saved.main.length));
  const shown = await Promise.all(faces.slice(-saved.main.length).map((face) => pictures(`${path}/faces/${face.face_id}`, each)));
  place.prepend(el("div", { class: "thumbs" }, shown.flat()));
}

// A face and its augmentations, `count` of them.
function pictures(path, count) {
  const augmented = Array.from({ length: count }, (_, at) => thumbnail(`${path}?augmented=${at + 1}`, `Augmented face ${at + 1}`));
  return Promise.all([thumbnail(path, "Saved face"), ...augmented]);
}

// A picture may need the key, which an <img> cannot send.
async function thumbnail(path, text) {
  const image = el("img", { alt: text, width: 56, height: 56 });
  const reply = await fetch(path, { headers: headers() });
  if (reply.ok) image.src = URL.createObjectURL(await reply.blob());
  return image;
}
