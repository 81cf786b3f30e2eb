// What the three tasks share: the ID, and the upload that was made last.

const events = new EventTarget();

// `pictures` maps a photo's name in replies to its File.
export const session = { upload: null, pictures: new Map() };

export function setUpload(upload) {
  session.upload = upload;
  events.dispatchEvent(new Event("upload"));
}

export function onUpload(listener) {
  events.addEventListener("upload", listener);
}
