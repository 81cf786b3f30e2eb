// Task 3: the verdict about the uploaded photos.

import { send } from "./api.js";
import { answerChallenge } from "./challenge.js";
import { el, find, onUse, setEnabled } from "./dom.js";
import { savedFaces, thumbnail } from "./faces.js";
import { showLedger } from "./ledger.js";
import { fixed, oneIn } from "./numbers.js";
import { showOutcome } from "./outcome.js";
import { withProgress } from "./progress.js";
import { onChange, session, setUpload, whyBusy, whyNoUpload } from "./session.js";
import { personId } from "./upload.js";
import { verdict } from "./verdict.js";

const FLAGS = ["skip_verify", "skip_db_search", "skip_liveness"];
const MOST_SHOWN = 8;

// `endpoints` is a promise of what the server can do.
export function startVerify(endpoints) {
  const button = find("verify-go");
  const turns = find("challenge-go");
  const changed = () => {
    setEnabled(button, whyNoUpload(personId()));
    setEnabled(turns, whyBusy() || (personId() ? "" : "Enter the ID first."));
  };
  onChange(changed);
  find("person-id").addEventListener("input", changed);
  onUse(button, () => verify(endpoints));
  onUse(turns, async () => {
    const person = personId();
    const answered = await answerChallenge(person);
    if (answered) showOutcome(find("verify-outcome"), answered, { accepted: answered.code === 119 });
    if (answered?.code !== 119) return;
    session.pictures = answered.pictures;
    setUpload({ id: answered.results.upload_id, person });
    await verify(endpoints);
  });
  changed();
}

async function verify(endpoints) {
  const { id, person } = session.upload;
  const form = { upload_id: id };
  for (const flag of FLAGS) form[flag] = find(flag).checked;
  const reply = await withProgress(find("verify-progress"), find("verify-go"), "The server decides", () =>
    send("POST", "/verify", { form }));
  const results = reply.results ?? {};
  showOutcome(find("verify-outcome"), reply, { accepted: results.accepted ?? null });
  const compared = el("div", { class: "compared" }, row("Photos", [...session.pictures].slice(0, MOST_SHOWN).map(photo)));
  showLedger("Verification", reply, session.pictures, [verdict(reply, reply.status === 200, ["Verified", "Not verified"], facts(results, person)), compared]);
  find("result").scrollIntoView({ block: "nearest", behavior: "smooth" });
  if (results.accepted) setUpload(null);
  if (reply.status !== 200) return;
  const faces = await Promise.all((await savedFaces(person, endpoints)).slice(0, MOST_SHOWN).map((path) => thumbnail(path, "Enrolled face")));
  if (faces.length) compared.append(row("Enrolled", faces));
}

function facts(results, person) {
  const known = [["ID", person]];
  if (results.accepted) known.push(["Name", el("bdi", {}, results.name)], ["Distance", fixed(results.distance, 4)], ["False match rate at this score", oneIn(results.fmr_at_score)]);
  return results.calibrated === undefined ? known : [...known, ["Calibrated", results.calibrated ? "Yes" : "No"]];
}

function row(title, images) {
  return el("div", {}, el("p", { class: "small soft" }, title), el("div", { class: "thumbs" }, images));
}

function photo([name, file]) {
  const image = el("img", { src: URL.createObjectURL(file), alt: name, width: 56, height: 56 });
  image.addEventListener("error", () => image.classList.add("is-unseen"));
  return image;
}
