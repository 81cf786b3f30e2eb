// Long work: the reply names a job, which is asked for until it has ended.

import { send } from "./api.js";

const AGAIN_MS = 700;

// Return the reply that the work ended with; `onShare` gets the share that is done, 0 to 1.
export async function ended(reply, onShare = () => {}) {
  const job = reply.results?.job;
  if (!job) return reply;
  for (;;) {
    const asked = await send("GET", `/jobs/${encodeURIComponent(job)}`);
    const state = asked.results?.state;
    if (state === undefined || state === "lost") return asked;
    onShare(asked.results.progress);
    if (state !== "running") return { ...asked, ...asked.results.result };
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}
