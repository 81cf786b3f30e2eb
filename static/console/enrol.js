// Task 2: the uploaded face is kept under the ID.

import { send } from "./api.js";
import { el, find, fill, onEnter, onUse, setEnabled } from "./dom.js";
import { savedFaces, thumbnail } from "./faces.js";
import { showLedger } from "./ledger.js";
import { count } from "./numbers.js";
import { showOutcome } from "./outcome.js";
import { withProgress } from "./progress.js";
import { onChange, session, setUpload, whyNoUpload } from "./session.js";
import { personId } from "./upload.js";

const MOST_AUGMENTED = 8;

let enrolled = null;

// `endpoints` is a promise of what the server can do; `after` is called once somebody was enrolled.
export function startEnrol(endpoints, after) {
  const button = find("enrol-go");
  const changed = () => setEnabled(button, whyNoUpload(personId()) || (find("person-name").value.trim() ? "" : "Enter a name first."));
  onChange(changed);
  find("person-name").addEventListener("input", changed);
  find("person-id").addEventListener("input", () => {
    beginAnew();
    changed();
  });
  onEnter(find("person-name"), button);
  onUse(button, async () => {
    const reply = await enrol(endpoints);
    if (reply.results?.mysql_id !== undefined) after();
  });
  changed();
}

// Another ID is another person: neither the name nor what was saved is theirs.
function beginAnew() {
  if (enrolled === null || enrolled === personId()) return;
  enrolled = null;
  find("person-name").value = "";
  find("in-place").checked = false;
  fill(find("enrol-shown"));
  fill(find("enrol-outcome"));
}

async function enrol(endpoints) {
  const { id, person } = session.upload;
  const form = { upload_id: id, name: find("person-name").value, delete_pickles: false, rebuild_db: false, in_place: find("in-place").checked };
  const reply = await withProgress(find("enrol-progress"), find("enrol-go"), "The server enrols the face", () =>
    send("POST", "/upload_db", { form }));
  const saved = reply.results?.resulting_imgs;
  showOutcome(find("enrol-outcome"), reply, { accepted: Boolean(saved), next: saved ? "To verify this person, upload other photos." : "" });
  showLedger("Enrolment", reply, session.pictures);
  fill(find("enrol-shown"));
  if (saved) {
    enrolled = person;
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
  const each = Math.min(MOST_AUGMENTED, Math.round(saved.aug.length / saved.main.length));
  const faces = await savedFaces(person, endpoints);
  const shown = await Promise.all(faces.slice(-saved.main.length).map((path) => pictures(path, each)));
  if (shown.length) place.prepend(el("div", { class: "thumbs" }, shown.flat()));
}

// A face and its augmentations, `count` of them.
function pictures(path, count) {
  const augmented = Array.from({ length: count }, (_, at) => thumbnail(`${path}?augmented=${at + 1}`, `Augmented face ${at + 1}`));
  return Promise.all([thumbnail(path, "Saved face"), ...augmented]);
}
