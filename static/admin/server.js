// Requests of the operator's side. The token against forged requests is kept in this page's memory alone.

const API = "/admin/api/";
const NO_ANSWER = { code: null, message: "The server did not answer.", results: null, status: 0, requestId: "" };

let token = "";
let onEnded = () => {};

export function whenSessionEnds(callback) {
  onEnded = callback;
}

export function useToken(csrf) {
  token = csrf ?? "";
}

// Return the results of a read; throws the reply where it failed.
export async function read(path, query = {}) {
  const asked = Object.entries(query).filter(([, value]) => value);
  return checked(await exchange("GET", asked.length ? `${path}?${new URLSearchParams(asked)}` : path));
}

// Return the results of a change; throws the reply where it failed.
export async function change(method, path, body = null) {
  return checked(await exchange(method, path, body));
}

export async function exchange(method, path, body = null) {
  const headers = { Accept: "application/json" };
  if (method !== "GET") headers["X-CSRF-Token"] = token;
  if (body !== null) headers["Content-Type"] = "application/json";
  try {
    const response = await fetch(API + path, { method, headers, body: body === null ? undefined : JSON.stringify(body) });
    return { ...(await response.json()), status: response.status, requestId: response.headers.get("X-Request-ID") };
  } catch {
    return NO_ANSWER;
  }
}

function checked(reply) {
  if (reply.status === 200) return reply.results;
  if (reply.status === 401) onEnded(reply.results?.advice ?? "");
  throw reply;
}
