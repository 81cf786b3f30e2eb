// Sample photos: of a person who does not exist, drawn by this project (tools/samples).

import { el, find } from "./dom.js";
import { uploadFiles } from "./upload.js";

const FOLDER = "/static/console/samples";
const PERSON = { id: "RECO_ID_000001", name: "Sample Person" };
const ENROLLED = ["sample_1.jpg", "sample_2.jpg"];
const LATER = ["sample_3.jpg", "sample_4.jpg", "sample_5.jpg"];

let isTrying = false;
let isFetching = false;

export function sampleButton() {
  return el("button", { class: "button", type: "button", onclick: tryOut }, "Try samples");
}

async function tryOut() {
  if (isFetching) return;
  isFetching = isTrying = true;
  find("person-id").value = PERSON.id;
  find("person-id").dispatchEvent(new Event("input"));
  find("person-name").value = PERSON.name;
  try {
    await uploadFiles(await Promise.all(ENROLLED.map(fetched)));
  } finally {
    isFetching = false;
  }
}

// After the sample person was enrolled: upload another photo, to be verified.
export async function continueSamples() {
  if (!isTrying) return;
  isTrying = false;
  await uploadFiles([await fetched(LATER[Math.floor(Math.random() * LATER.length)])]);
}

async function fetched(name) {
  const reply = await fetch(`${FOLDER}/${name}`);
  return new File([await reply.blob()], name, { type: "image/jpeg" });
}
