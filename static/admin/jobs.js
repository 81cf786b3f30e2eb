// Work that goes on after its request was answered.

import { fill } from "/static/console/dom.js";
import { badge, card, table, when } from "./parts.js";
import { read } from "./server.js";

export const title = "Jobs";

const KINDS = { running: "", done: "good", failed: "bad" };

export async function show(place) {
  const { jobs } = await read("jobs");
  fill(place, card("", table("Jobs", [
    ["Started", (job) => when(job.started), "time"],
    ["Kind", (job) => job.kind, "wide"],
    ["State", (job) => badge(job.state, KINDS[job.state])],
    ["Progress", (job) => `${Math.round(100 * job.progress)} %`, "number desk"],
    ["Seconds", (job) => String(job.seconds), "number desk"],
    ["Code", (job) => job.code === null ? "–" : String(job.code)],
    ["Key", (job) => job.owner || "–", "id desk"],
  ], jobs, { empty: "No job was started in the last hour." })));
}
