// Starts the console: what the server can do decides what is shown.

import { hasCamera } from "./camera.js";
import { startCompare } from "./compare.js";
import { find } from "./dom.js";
import { startEnrol } from "./enrol.js";
import { continueSamples, sampleButton } from "./samples.js";
import { startSearch } from "./search.js";
import { showStatus } from "./status.js";
import { startTabs } from "./tabs.js";
import { startUpload } from "./upload.js";
import { startVerify } from "./verify.js";

// What the server can do, as "GET /people/{person_id}/faces".
async function endpointsOfServer() {
  const reply = await fetch("/openapi.json");
  const paths = reply.ok ? Object.entries((await reply.json()).paths) : [];
  return new Set(paths.flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)));
}

const asked = endpointsOfServer();
startUpload(sampleButton());
startEnrol(asked, continueSamples);
startVerify(asked);
find("challenge-place").hidden = !hasCamera();
showStatus();

const endpoints = await asked;
startTabs([
  ["panel-person", "Person"],
  ...(endpoints.has("POST /compare") ? [["panel-compare", "Compare"]] : []),
  ...(endpoints.has("POST /search") ? [["panel-search", "Search"]] : []),
]);
if (endpoints.has("POST /compare")) startCompare();
if (endpoints.has("POST /search")) startSearch();
