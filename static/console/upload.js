// Task 1: photos go up and come back with a score and advice.

import { send } from "./api.js";
import { el, find, fill, onEnter, onUse, setEnabled } from "./dom.js";
import { showLedger } from "./ledger.js";
import { count } from "./numbers.js";
import { showOutcome } from "./outcome.js";
import { Picker } from "./picker.js";
import { withProgress } from "./progress.js";
import { about } from "./scores.js";
import { onChange, session, setUpload, whyBusy } from "./session.js";

let picker = null;
let uploadedFor = null;

// `extra` is a further way to choose photos.
export function startUpload(extra) {
  picker = new Picker(find("upload-picker"), { label: "Photos to upload", extra, onchange: changed });
  onUse(find("upload-go"), upload);
  onEnter(find("person-id"), find("upload-go"));
  find("person-id").addEventListener("input", changed);
  onChange(changed);
  changed();
}

function changed() {
  const photos = picker.photos.length;
  const button = find("upload-go");
  button.textContent = photos ? `Upload ${picker.summary}` : "Upload";
  setEnabled(button, whyBusy() || whyNot(photos));
}

function whyNot(photos) {
  if (!personId()) return "Enter the ID first.";
  if (!photos) return "Choose photos first.";
  return picker.isSent && personId() === uploadedFor ? "These photos were uploaded for this ID. Choose others." : "";
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
  uploadedFor = personId();
  fill(find("verify-outcome"));
  const reply = await withProgress(find("upload-progress"), find("upload-go"), "The server looks at the photos", (onProgress) =>
    send("POST", "/upload_imgs", { query: { id: personId() }, files: picker.files(), onProgress }));
  const results = reply.results ?? {};
  const [kept, sent] = [results.saved ?? [], picker.photos].map((photos) => photos.length);
  const keptOf = `${kept} of ${count(sent, "photo")} kept.`;
  session.pictures = picker.pictures();
  if (results.scores || results.reasons) picker.describe((name) => about(results.scores?.[name], results.reasons?.[name] ?? [], (results.saved ?? []).includes(name)));
  find("person-id").setAttribute("aria-invalid", String(results.field === "id"));
  showOutcome(find("upload-outcome"), reply, { accepted: kept > 0, next: kept < sent ? keptOf : "" });
  setUpload(reply.code === 119 ? { id: results.upload_id, person: uploadedFor } : null);
  showLedger("Upload", reply, session.pictures, results.scores ? el("p", { class: "soft" }, keptOf) : null);
  return reply;
}
