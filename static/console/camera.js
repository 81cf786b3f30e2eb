// The camera: a mirrored preview with an outline and advice, and pictures as the camera sees them, never mirrored.

import { announce, el, fill, svg } from "./dom.js";
import { framing } from "./framing.js";
import { count } from "./numbers.js";

const SIZE = { width: { ideal: 1280 }, height: { ideal: 960 }, facingMode: "user" };
const LOOK_MS = 200;
const QUALITY = 0.93;

// Whether the browser gives a page from this address a camera: only over HTTPS or from the own machine.
export function hasCamera() {
  return Boolean(navigator.mediaDevices?.getUserMedia);
}

export async function openCamera(video) {
  video.srcObject = await navigator.mediaDevices.getUserMedia({ video: SIZE, audio: false });
  await video.play();
  return () => video.srcObject.getTracks().forEach((track) => track.stop());
}

export async function photoOf(video, name) {
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  canvas.getContext("2d").drawImage(video, 0, 0);
  return new File([await canvas.convertToBlob({ type: "image/jpeg", quality: QUALITY })], name, { type: "image/jpeg" });
}

export function viewfinder() {
  const video = el("video", { playsinline: true, muted: true, "aria-label": "Camera preview" });
  video.muted = true;
  const outline = svg("svg", { class: "outline", viewBox: "0 0 400 300", preserveAspectRatio: "xMidYMid slice", "aria-hidden": "true" },
    svg("path", { class: "outline-shade", "fill-rule": "evenodd", d: "M-400-300H800V600H-400Z M200 34a86 114 0 1 0 .01 0Z" }),
    svg("ellipse", { class: "outline-line", cx: 200, cy: 148, rx: 86, ry: 114 }));
  return { video, element: el("div", { class: "viewfinder" }, video, outline) };
}

let shots = 0;

// Let the person take up to `limit` photos; resolves to their files, none where the camera cannot be had.
export function takePhotos(limit) {
  const taken = [];
  const { video, element } = viewfinder();
  const text = el("p", { class: "advice", role: "status" }, "Starting the camera");
  const strip = el("div", { class: "strip", "aria-hidden": "true" });
  const shoot = el("button", { class: "button button-main", type: "button", disabled: true }, "Take photo");
  const done = el("button", { class: "button", type: "button" }, "Cancel");
  const dialog = el("dialog", { class: "camera", "aria-labelledby": "camera-title" },
    el("div", { class: "dialog-head" }, el("h2", { id: "camera-title" }, "Take photos")),
    element, text, el("div", { class: "camera-foot" }, el("div", { class: "actions" }, shoot, done), strip));
  let stop = () => {};
  shoot.addEventListener("click", async () => {
    const file = await photoOf(video, `camera_${++shots}.jpg`);
    taken.push(file);
    strip.append(el("img", { src: URL.createObjectURL(file), alt: "", width: 44, height: 44 }));
    done.textContent = `Use ${count(taken.length, "photo")}`;
    announce(`${count(taken.length, "photo")} taken`);
    if (taken.length >= limit) dialog.close("use");
  });
  done.addEventListener("click", () => dialog.close("use"));
  const looking = setInterval(() => look(video, element, text), LOOK_MS);
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      clearInterval(looking);
      stop();
      for (const image of strip.children) URL.revokeObjectURL(image.src);
      dialog.remove();
      resolve(dialog.returnValue === "use" ? taken : []);
    });
    document.body.append(dialog);
    dialog.showModal();
    openCamera(video).then((close) => {
      stop = close;
      shoot.disabled = false;
      if (!dialog.open) close();
    }, (error) => fill(text, refusal(error)));
  });
}

export function refusal(error) {
  return error.name === "NotAllowedError" ? "The browser may not use the camera. Allow it in the address bar, or choose photos." : "No camera was found. Choose photos instead.";
}

function look(video, element, text) {
  if (!video.videoWidth) return;
  const seen = framing(video);
  element.dataset.kind = seen.good ? "good" : "warn";
  if (text.textContent !== seen.advice) text.textContent = seen.advice;
}
