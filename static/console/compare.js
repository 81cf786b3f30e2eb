// Do two photos show the same person? Nothing of them is kept.

import { send } from "./api.js";
import { find, onUse, setEnabled } from "./dom.js";
import { showLedger } from "./ledger.js";
import { fixed, oneIn } from "./numbers.js";
import { showOutcome } from "./outcome.js";
import { Picker } from "./picker.js";
import { withProgress } from "./progress.js";
import { about } from "./scores.js";
import { onChange, whyBusy } from "./session.js";
import { verdict } from "./verdict.js";

export function startCompare() {
  const button = find("compare-go");
  const sides = {};
  const changed = () => setEnabled(button, whyBusy() || (Object.values(sides).every((picker) => picker.photos.length) ? "" : "Choose both photos first."));
  sides.a = new Picker(find("compare-a"), { label: "First photo", limit: 1, onchange: changed });
  sides.b = new Picker(find("compare-b"), { label: "Second photo", limit: 1, onchange: changed });
  onChange(changed);
  onUse(button, () => compare(sides));
  changed();
}

async function compare({ a, b }) {
  const form = {};
  if (find("compare-document").checked) form.document = "a";
  if (find("compare-live").checked) form.live = "b";
  const files = [...a.files("a"), ...b.files("b")];
  const reply = await withProgress(find("compare-progress"), find("compare-go"), "The server compares the faces", (onProgress) =>
    send("POST", "/compare", { form, files, onProgress }));
  const results = reply.results ?? {};
  for (const [side, picker] of [["a", a], ["b", b]]) {
    const quality = results.quality?.[side] ?? {};
    picker.describe((name) => about(quality[name]?.score, quality[name]?.reasons ?? [], quality[name] !== undefined && results.left_out?.[name] === undefined));
  }
  const isDecided = (results.score ?? null) !== null;
  showOutcome(find("compare-outcome"), reply, { accepted: results.accepted ?? null });
  const facts = !isDecided ? [] : [
    ["Distance", fixed(results.score, 4)], ["Threshold", fixed(results.threshold, 4)], ["False match rate at this score", oneIn(results.fmr_at_score)],
    ...Object.values(results.liveness ?? {}).filter(Boolean).map((found) => ["Selfie", found.state]),
  ];
  showLedger("Comparison", reply, new Map([...a.pictures(), ...b.pictures()]), verdict(reply, isDecided, ["Same person", "Not the same person"], facts), find("compare-result"));
}
