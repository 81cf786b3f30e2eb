// Pictures of faces: a photo's, with boxes and landmarks drawn over it, and those that a person is enrolled with.

import { send } from "./api.js";
import { el } from "./dom.js";
import { headers } from "./key.js";

const LONGEST = 240;
const drawings = new Set();

// Return a figure of a photo (a File, or undefined) and its faces, `found` as the ledger gives them.
export function facesFigure(name, file, found, turned = 0) {
  const canvas = el("canvas", { role: "img", "aria-label": `${name}: ${found.length} faces marked`, width: 4, height: 3 });
  const drawing = draw(canvas, file, found, turned).finally(() => drawings.delete(drawing));
  drawings.add(drawing);
  return el("figure", { class: "face-figure" }, canvas, el("figcaption", { class: "small soft" }, name));
}

// Resolves when every picture of an element can be seen, in print too.
export async function pictured(element) {
  await Promise.allSettled([...drawings, ...[...element.querySelectorAll("img")].map((image) => image.decode())]);
}

// The paths of the faces that a person is enrolled with, the oldest first; none where this caller may not see them.
export async function savedFaces(person, endpoints) {
  if (!(await endpoints).has("GET /people/{person_id}/faces/{face_id}")) return [];
  const path = `/people/${encodeURIComponent(person)}`;
  const found = (await send("GET", path)).results?.faces ?? [];
  return found.map((face) => `${path}/faces/${face.face_id}`);
}

// A picture may need the key, which an <img> cannot send.
export async function thumbnail(path, text) {
  const image = el("img", { alt: text, width: 56, height: 56 });
  const reply = await fetch(path, { headers: headers() });
  if (reply.ok) image.src = URL.createObjectURL(await reply.blob());
  return image;
}

async function draw(canvas, file, found, turned) {
  const bitmap = file ? await createImageBitmap(file).catch(() => null) : null;
  const isSide = turned % 180 !== 0;
  const [width, height] = bitmap ? (isSide ? [bitmap.height, bitmap.width] : [bitmap.width, bitmap.height]) : extent(found);
  const scale = LONGEST / Math.max(width, height);
  const dots = Math.min(2, window.devicePixelRatio || 1);
  canvas.width = Math.round(width * scale * dots);
  canvas.height = Math.round(height * scale * dots);
  const pen = canvas.getContext("2d");
  pen.scale(scale * dots, scale * dots);
  if (bitmap) {
    pen.save();
    pen.translate(width / 2, height / 2);
    pen.rotate((-turned * Math.PI) / 180);
    pen.drawImage(bitmap, -bitmap.width / 2, -bitmap.height / 2);
    pen.restore();
  }
  for (const face of found) mark(pen, face, scale);
}

function mark(pen, { box: [left, top, width, height], landmarks = [] }, scale) {
  for (const [colour, line] of [["rgb(0 0 0 / 55%)", 4], ["#fff", 2]]) {
    pen.strokeStyle = colour;
    pen.lineWidth = line / scale;
    pen.beginPath();
    pen.roundRect(left, top, width, height, 6 / scale);
    pen.stroke();
  }
  for (const [x, y] of landmarks) {
    for (const [colour, radius] of [["rgb(0 0 0 / 55%)", 4], ["#8fe3b5", 2.8]]) {
      pen.fillStyle = colour;
      pen.beginPath();
      pen.arc(x, y, radius / scale, 0, 2 * Math.PI);
      pen.fill();
    }
  }
}

function extent(found) {
  return [Math.max(40, ...found.map(({ box }) => box[0] + box[2])) * 1.1, Math.max(30, ...found.map(({ box }) => box[1] + box[3])) * 1.1];
}
