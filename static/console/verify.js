// Task 3: the verdict about the uploaded photos.

import { send } from "./api.js";
import { answerChallenge } from "./challenge.js";
import { codeButton, kindOf } from "./codes.js";
import { el, find, isEnabled, setEnabled } from "./dom.js";
import { showLedger } from "./ledger.js";
import { fixed, oneIn } from "./numbers.js";
import { showOutcome } from "./outcome.js";
import { withProgress } from "./progress.js";
import { onUpload, session, setUpload } from "./session.js";
import { personId, uploadFiles } from "./upload.js";

const FLAGS = ["skip_verify", "skip_db_search", "skip_liveness"];

export function startVerify() {
  const button = find("verify-go");
  const turns = find("challenge-go");
  const changed = () => {
    setEnabled(button, Boolean(session.upload), "Upload photos first.");
    setEnabled(turns, Boolean(personId()), "Enter the ID first.");
  };
  onUpload(changed);
  find("person-id").addEventListener("input", changed);
  button.addEventListener("click", async () => {
    if (!isEnabled(button)) return;
    await verify();
    changed();
  });
  turns.addEventListener("click", async () => {
    if (!isEnabled(turns)) return;
    const answered = await answerChallenge(personId());
    if (answered) showOutcome(find("verify-outcome"), answered, { accepted: answered.code === 119 });
    if (answered?.code !== 119) return;
    session.pictures = answered.pictures;
    setUpload({ id: answered.results.upload_id, person: personId() });
    await verify();
    changed();
  });
  changed();
}

async function verify() {
  const form = { upload_id: session.upload.id };
  for (const flag of FLAGS) form[flag] = find(flag).checked;
  const reply = await withProgress(find("verify-progress"), find("verify-go"), "The server decides", () =>
    send("POST", "/verify", { form }));
  const accepted = reply.results?.accepted ?? null;
  showOutcome(find("verify-outcome"), reply, { accepted });
  showLedger("Verification", reply, session.pictures, verdict(reply, accepted));
  find("result").scrollIntoView({ block: "nearest", behavior: "smooth" });
}

function verdict(reply, accepted) {
  const results = reply.results ?? {};
  const facts = accepted
    ? [["Name", results.name], ["Distance", fixed(results.distance, 4)], ["False match rate at this score", oneIn(results.fmr_at_score)], ["Calibrated", results.calibrated ? "Yes" : "No"]]
    : [];
  return el("div", { class: "verdict", "data-kind": kindOf(accepted, reply.status) },
    el("p", { class: "verdict-text" }, accepted ? "Verified" : "Not verified"),
    el("div", { class: "verdict-why" }, reply.code === null ? null : codeButton(reply.code, kindOf(accepted, reply.status)),
      el("p", {}, reply.message)),
    facts.length ? el("dl", { class: "facts" }, facts.map(([name, value]) => el("div", {}, el("dt", {}, name), el("dd", {}, value)))) : null);
}
