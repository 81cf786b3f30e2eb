// Light, sharpness and stillness of the camera's picture, measured on a small copy of it five times a second.

const WIDTH = 96;
const HEIGHT = 72;
const DARK = 62;
const BRIGHT = 205;
const BACKLIGHT = 64;
const MOTION = 16;
const BLURRED = 2.2;

const canvas = new OffscreenCanvas(WIDTH, HEIGHT);
const pen = canvas.getContext("2d", { willReadFrequently: true });
let before = null;

// Return {good, advice} about a video's current picture; what the face itself is like the server says after the photo.
export function framing(video) {
  pen.drawImage(video, 0, 0, WIDTH, HEIGHT);
  const grey = luminance(pen.getImageData(0, 0, WIDTH, HEIGHT).data);
  const seen = measured(grey);
  const motion = before ? difference(grey, before) : 0;
  before = grey;
  if (seen.inside < DARK) return advice("Too dark: move to the light.");
  if (seen.outside - seen.inside > BACKLIGHT) return advice("The light is behind you: turn towards it.");
  if (seen.inside > BRIGHT) return advice("Too bright: move out of the direct light.");
  if (motion > MOTION) return advice("Hold still.");
  if (seen.detail < BLURRED) return advice("No detail: put your face into the outline and clean the lens.");
  return { good: true, advice: "Light and sharpness are fine. Fill the outline and look straight ahead." };
}

function advice(text) {
  return { good: false, advice: text };
}

function luminance(data) {
  const grey = new Float32Array(WIDTH * HEIGHT);
  for (let at = 0; at < grey.length; at += 1) {
    grey[at] = 0.299 * data[4 * at] + 0.587 * data[4 * at + 1] + 0.114 * data[4 * at + 2];
  }
  return grey;
}

function measured(grey) {
  const sums = { inside: 0, outside: 0, detail: 0 };
  let pixels = 0;
  for (let y = 1; y < HEIGHT - 1; y += 1) {
    for (let x = 1; x < WIDTH - 1; x += 1) {
      const at = y * WIDTH + x;
      if (!isInside(x, y)) sums.outside += grey[at];
      else {
        sums.inside += grey[at];
        sums.detail += Math.abs(4 * grey[at] - grey[at - 1] - grey[at + 1] - grey[at - WIDTH] - grey[at + WIDTH]);
        pixels += 1;
      }
    }
  }
  const others = (WIDTH - 2) * (HEIGHT - 2) - pixels;
  return { inside: sums.inside / pixels, outside: sums.outside / others, detail: sums.detail / pixels };
}

function isInside(x, y) {
  return ((x - WIDTH / 2) / (WIDTH * 0.2)) ** 2 + ((y - HEIGHT / 2) / (HEIGHT * 0.38)) ** 2 < 1;
}

function difference(grey, earlier) {
  let sum = 0;
  for (let at = 0; at < grey.length; at += 1) sum += Math.abs(grey[at] - earlier[at]);
  return sum / grey.length;
}
