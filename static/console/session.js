// What the three tasks share: the ID, and the upload that was made last.

const events = new EventTarget();

// `upload` is {id, person}; `pictures` maps a photo's name in replies to its File; `isBusy` while any task runs.
export const session = { upload: null, pictures: new Map(), isBusy: false };

export function setUpload(upload) {
  session.upload = upload;
  events.dispatchEvent(new Event("change"));
}

export function setBusy(isBusy) {
  session.isBusy = isBusy;
  events.dispatchEvent(new Event("change"));
}

// Why no task can begin now, empty where one can.
export function whyBusy() {
  return session.isBusy ? "Wait until the running task has ended." : "";
}

// Why the upload cannot be used for this person now, empty where it can.
export function whyNoUpload(person) {
  if (session.isBusy || !session.upload) return whyBusy() || "Upload photos first.";
  return session.upload.person === person ? "" : `The photos were uploaded for ${session.upload.person}. Upload them for the ID above.`;
}

export function onChange(listener) {
  events.addEventListener("change", listener);
}
