// Task 1: photos go up and come back with a score and advice.

import { send } from "./api.js";
import { el, find, fill, isEnabled, setEnabled } from "./dom.js";
import { showLedger } from "./ledger.js";
import { count, fixed } from "./numbers.js";
import { showOutcome } from "./outcome.js";
import { Picker } from "./picker.js";
import { withProgress } from "./progress.js";
import { ring } from "./ring.js";
import { session, setUpload } from "./session.js";

let picker = null;

// `extra` is a further way to choose photos.
export function startUpload(extra) {
  picker = new Picker(find("upload-picker"), { label: "Photos to upload", extra, onchange: changed });
  find("upload-go").addEventListener("click", () => isEnabled(find("upload-go")) && upload());
  find("person-id").addEventListener("input", changed);
  changed();
}

function changed() {
  const photos = picker.photos.length;
  const why = !photos ? "Choose photos first." : !personId() ? "Enter the ID first." : "";
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
  if (results.scores || results.reasons) picker.describe((name) => described(name, results));
  find("person-id").setAttribute("aria-invalid", String(results.field === "id" || reply.code === 127));
  showOutcome(find("upload-outcome"), reply, { accepted: (results.saved ?? []).length > 0 });
  setUpload(reply.code === 119 ? { id: results.upload_id, person: personId(), kept: results.saved.length } : null);
  const kept = count((results.saved ?? []).length, "photo");
  showLedger("Upload", reply, session.pictures, el("p", { class: "soft" }, `${kept} of ${Object.keys(known).length} kept`));
  return reply;
}

function described(name, results) {
  const score = results.scores?.[name];
  const kept = (results.saved ?? []).includes(name);
  const checks = results.reasons?.[name] ?? [];
  const failed = checks.filter((check) => !check.passed);
  const cause = failed.find((check) => check.check !== "UnifiedQualityScore") ?? failed[0];
  const lines = [];
  if (cause) {
    lines.push(el("span", { class: "small" }, cause.advice), el("span", { class: "small soft" }, `${words(cause.check)} ${measured(cause)}`));
  } else {
    lines.push(el("span", { class: "small soft" }, kept ? "Kept" : "Not kept"));
  }
  return { lines, ring: score === undefined ? el("span", { class: "small soft" }, "–") : ring(score, kept) };
}

function measured(check) {
  if (check.value === null) return "";
  return check.threshold === null ? fixed(check.value, 1) : `${fixed(check.value, 1)}, limit ${fixed(check.threshold, 1)}`;
}

// "HeadPoseYaw" as "Head pose yaw".
export function words(name) {
  const text = name.replace(/[._]/g, " ").replace(/([a-z])([A-Z])/g, "$1 $2").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}
