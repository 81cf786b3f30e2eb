// What the three tasks share: the ID, and the upload that was made last.

const events = new EventTarget();

// `pictures` maps a photo's name in replies to its File; `isBusy` while a task runs.
export const session = { upload: null, pictures: new Map(), isBusy: false };

export function setUpload(upload) {
  session.upload = upload;
  events.dispatchEvent(new Event("change"));
}

export function setBusy(isBusy) {
  session.isBusy = isBusy;
  events.dispatchEvent(new Event("change"));
}

// Why the upload cannot be used now, empty where it can.
export function whyNoUpload() {
  if (session.isBusy) return "Wait until the running task has ended.";
  return session.upload ? "" : "Upload photos first.";
}

export function onChange(listener) {
  events.addEventListener("change", listener);
}
