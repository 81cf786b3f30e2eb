// Active liveness: the challenge step by step on screen, with frames that take themselves.

import { send } from "./api.js";
import { openCamera, photoOf, refusal, viewfinder } from "./camera.js";
import { announce, el, fill } from "./dom.js";

const TEXTS = {
  ahead: "Look straight ahead",
  turn_left: "Turn your head to your left",
  turn_right: "Turn your head to your right",
  smile: "Smile",
  blink: "Close both eyes for a moment",
};
const ARROWS = { turn_left: "←", turn_right: "→" };
const MOST_FRAMES = 20;
const SETTLING_MS = 1500;
const APART_MS = 350;

// Ask for a challenge, walk through it and upload its frames. Resolves to the last reply, with `pictures`, the frames
// by name; null where the person or the camera stopped it.
export async function answerChallenge(person) {
  const asked = await send("POST", "/liveness/challenge", { form: { id: person } });
  if (!asked.results?.challenge) return asked;
  const steps = asked.results.actions.flatMap((action) => ["ahead", action]);
  const frames = await walked(steps, asked.results.instructions);
  if (!frames) return null;
  const files = frames.map((file) => ({ file, name: file.name }));
  const reply = await send("POST", "/upload_imgs", { query: { id: person, challenge: asked.results.challenge }, files });
  return { ...reply, pictures: new Map(frames.map((file) => [file.name, file])) };
}

async function walked(steps, instructions) {
  const { video, element } = viewfinder();
  const text = el("p", { class: "walk-text" }, "Starting the camera");
  const dots = el("ol", { class: "walk-dots", "aria-hidden": "true" }, steps.map(() => el("li")));
  const cancel = el("button", { class: "button", type: "button", onclick: () => dialog.close() }, "Cancel");
  const start = el("button", { class: "button button-main", type: "button", disabled: true }, "Start");
  const dialog = el("dialog", { class: "camera", "aria-labelledby": "walk-title" },
    el("div", { class: "dialog-head" }, el("h2", { id: "walk-title" }, "Verify with head turns")),
    element, text, dots, el("p", { class: "small soft walk-help" }, instructions), el("div", { class: "actions" }, start, cancel));
  document.body.append(dialog);
  dialog.showModal();
  let stop = () => {};
  try {
    const closed = new Promise((resolve) => dialog.addEventListener("close", () => resolve(null)));
    const taken = (async () => {
      stop = await openCamera(video);
      text.textContent = "Ready when you are";
      start.disabled = false;
      start.focus();
      await new Promise((resolve) => start.addEventListener("click", resolve, { once: true }));
      start.hidden = true;
      cancel.focus();
      return photographed(video, steps, { text, dots, dialog });
    })();
    taken.catch((error) => fill(text, refusal(error)));
    return await Promise.race([closed, taken.catch(() => closed)]);
  } finally {
    stop();
    dialog.remove();
  }
}

async function photographed(video, steps, { text, dots, dialog }) {
  const each = Math.max(1, Math.floor(MOST_FRAMES / steps.length));
  const frames = [];
  for (const [number, step] of steps.entries()) {
    dialog.dataset.step = step;
    fill(text, ARROWS[step] ? el("span", { class: "arrow", "aria-hidden": "true" }, ARROWS[step]) : null, TEXTS[step] ?? step);
    announce(TEXTS[step] ?? step);
    dots.children[number].className = "is-now";
    await pause(SETTLING_MS);
    for (let taken = 0; taken < each; taken += 1) {
      frames.push(await photoOf(video, `frame_${String(frames.length + 1).padStart(2, "0")}.jpg`));
      await pause(APART_MS);
    }
    dots.children[number].className = "is-done";
  }
  return frames;
}

function pause(milliseconds) {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
