// A task while it runs: bytes while they go up, then the server's turn.

import { announce, el, fill } from "./dom.js";
import { bytes } from "./numbers.js";
import { setBusy } from "./session.js";

// Run `work(onProgress)` with its progress shown in `place`; the button is off meanwhile.
export async function withProgress(place, button, doing, work) {
  const text = el("span", { class: "small soft" }, doing);
  const bar = el("span", { class: "progress-bar" });
  fill(place, el("span", { class: "progress-track is-busy", "aria-hidden": "true" }, bar), text);
  place.hidden = false;
  button.setAttribute("aria-disabled", "true");
  button.setAttribute("aria-busy", "true");
  setBusy(true);
  announce(doing);
  try {
    return await work((done, total) => showBytes(place.firstChild, bar, text, done, total, doing));
  } finally {
    place.hidden = true;
    button.removeAttribute("aria-busy");
    setBusy(false);
  }
}

function showBytes(track, bar, text, done, total, doing) {
  const isSent = done >= total;
  track.classList.toggle("is-busy", isSent);
  bar.style.transform = isSent ? "" : `scaleX(${done / total})`;
  text.textContent = isSent ? doing : `Sending ${bytes(done)} of ${bytes(total)}`;
}
