// Task 3: the verdict about the uploaded photos.

import { send } from "./api.js";
import { answerChallenge } from "./challenge.js";
import { find, isEnabled, setEnabled } from "./dom.js";
import { showLedger } from "./ledger.js";
import { fixed, oneIn } from "./numbers.js";
import { showOutcome } from "./outcome.js";
import { withProgress } from "./progress.js";
import { onChange, session, setUpload, whyNoUpload } from "./session.js";
import { personId } from "./upload.js";
import { verdict } from "./verdict.js";

const FLAGS = ["skip_verify", "skip_db_search", "skip_liveness"];

export function startVerify() {
  const button = find("verify-go");
  const turns = find("challenge-go");
  const changed = () => {
    setEnabled(button, !whyNoUpload(), whyNoUpload());
    setEnabled(turns, Boolean(personId()) && !session.isBusy, personId() ? whyNoUpload() : "Enter the ID first.");
  };
  onChange(changed);
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
  const results = reply.results ?? {};
  showOutcome(find("verify-outcome"), reply, { accepted: results.accepted ?? null });
  const facts = results.accepted
    ? [["Name", results.name], ["Distance", fixed(results.distance, 4)], ["False match rate at this score", oneIn(results.fmr_at_score)], ["Calibrated", results.calibrated ? "Yes" : "No"]]
    : [];
  showLedger("Verification", reply, session.pictures, verdict(reply, ["Verified", "Not verified"], facts));
  find("result").scrollIntoView({ block: "nearest", behavior: "smooth" });
}
