// Requests to this server: one reply's form for all endpoints, upload progress, and the question for a key.

import { askForKey, headers } from "./key.js";

// Send a request; resolves to {code, message, results, systemErrors, status, requestId, when}, code null without a reply.
export async function send(method, path, { query = {}, form = null, files = null, onProgress = null } = {}) {
  const address = Object.keys(query).length ? `${path}?${new URLSearchParams(query)}` : path;
  for (;;) {
    const body = files ? withFiles(files, form) : form && new URLSearchParams(form);
    const reply = read(await exchange(method, address, body, onProgress));
    if (reply.code !== 401 || !(await askForKey())) return reply;
  }
}

function withFiles(files, form) {
  const body = new FormData();
  for (const [name, value] of Object.entries(form ?? {})) body.append(name, value);
  for (const { field = "photo", file, name } of files) body.append(field, file, name);
  return body;
}

function exchange(method, address, body, onProgress) {
  return new Promise((resolve) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    request.setRequestHeader("Accept", "application/json");
    for (const [name, value] of Object.entries(headers())) request.setRequestHeader(name, value);
    if (onProgress) request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onload = () => resolve(request);
    request.onerror = () => resolve(request);
    request.send(body);
  });
}

function read(request) {
  const reply = { code: null, message: "", results: null, systemErrors: null, status: request.status, requestId: request.getResponseHeader("X-Request-ID"), when: request.getResponseHeader("Date") };
  let body = {};
  try {
    body = JSON.parse(request.responseText);
  } catch {
    const message = request.status ? "The reply could not be read." : "The server did not answer.";
    return { ...reply, message, results: { advice: "Check the connection and that the server runs, then try again." } };
  }
  for (const [key, value] of Object.entries(body)) {
    if (key.endsWith("code")) reply.code = value;
    else if (key.endsWith("message")) reply.message = value;
    else if (key.endsWith("results")) reply.results = value;
    else if (key === "system_errors") reply.systemErrors = value;
  }
  return reply;
}
