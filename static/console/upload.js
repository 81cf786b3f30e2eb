// Task 1: photos go up and come back with a score and advice.

import { send } from "./api.js";
import { el, find, fill, isEnabled, setEnabled } from "./dom.js";
import { showLedger } from "./ledger.js";
import { count } from "./numbers.js";
import { showOutcome } from "./outcome.js";
import { Picker } from "./picker.js";
import { withProgress } from "./progress.js";
import { about } from "./scores.js";
import { onChange, session, setUpload, whyNoUpload } from "./session.js";

let picker = null;

// `extra` is a further way to choose photos.
export function startUpload(extra) {
  picker = new Picker(find("upload-picker"), { label: "Photos to upload", extra, onchange: changed });
  find("upload-go").addEventListener("click", () => isEnabled(find("upload-go")) && upload());
  find("person-id").addEventListener("input", changed);
  onChange(changed);
  changed();
}

function changed() {
  const photos = picker.photos.length;
  const why = session.isBusy ? whyNoUpload() : !photos ? "Choose photos first." : !personId() ? "Enter the ID first." : "";
  const button = find("upload-go");
  button.textContent = photos ? `Upload ${picker.summary}` : "Upload";
  setEnabled(button, !why, why);
}

export function personId() {
  return find("person-id").value.trim();
}

// Take these files in place of the chosen ones and upload them.
export async function uploadFiles(files) {
  picker.clear();
  picker.add(files);
  return upload();
}

async function upload() {
  const reply = await withProgress(find("upload-progress"), find("upload-go"), "The server looks at the photos", (onProgress) =>
    send("POST", "/upload_imgs", { query: { id: personId() }, files: picker.files(), onProgress }));
  changed();
  const results = reply.results ?? {};
  const known = results.scores ?? {};
  session.pictures = picker.pictures();
  if (results.scores || results.reasons) picker.describe((name) => about(results.scores?.[name], results.reasons?.[name] ?? [], (results.saved ?? []).includes(name)));
  find("person-id").setAttribute("aria-invalid", String(results.field === "id" || reply.code === 127));
  showOutcome(find("upload-outcome"), reply, { accepted: (results.saved ?? []).length > 0 });
  setUpload(reply.code === 119 ? { id: results.upload_id, person: personId(), kept: results.saved.length } : null);
  const kept = (results.saved ?? []).length;
  const of = count(Object.keys(known).length, "photo");
  showLedger("Upload", reply, session.pictures, results.scores ? el("p", { class: "soft" }, `${kept} of ${of} kept`) : null);
  return reply;
}
