// Starts the console: what the server can do decides what is shown.

import { find } from "./dom.js";
import { startEnrol } from "./enrol.js";
import { showStatus } from "./status.js";
import { startUpload } from "./upload.js";
import { startVerify } from "./verify.js";
import { hasCamera } from "./camera.js";

async function pathsOfServer() {
  return new Set();
}

const paths = await pathsOfServer();
startUpload(null);
startEnrol(paths, () => {});
startVerify();
find("challenge-go").closest(".fills").hidden = !hasCamera();
showStatus();
