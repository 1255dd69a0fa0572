// Owns one request over HTTP: its answer, or its failure as a `LinkupError`.

import { adviceFor, UNREACHABLE } from "./advice.js";

const GRAIN_MS = 2_000; // HTTP tells whole seconds, and servers write them beforehand
const TIMEOUT_MS = 10_000;
const LONGEST_WAIT_MS = 60_000;
const PASSING = new Set([408, 425, 429]);

/**
 * What went wrong, in the words of the protocol. `temporary`: the same again may succeed. `advice`: what
 * to tell a person.
 */
export class LinkupError extends Error {
  /**
   * @param {{code: string, message: string, temporary: boolean, retryAfterMs?: number,
   *          status?: number, advice?: import("./advice.js").Advice}} fault
   */
  constructor({ code, message, temporary, retryAfterMs = 0, status = 0, advice = adviceFor(code) }) {
    super(message);
    this.name = "LinkupError";
    this.code = code;
    this.temporary = temporary;
    this.retryAfterMs = retryAfterMs;
    this.status = status;
    this.advice = advice;
  }
}

/** @param {any} [body] JSON @param {import("./clock.js").Clock} [clock] learns the server's time @returns {Promise<any>} */
export async function request(url, method, route, body, token, clock) {
  const headers = { Accept: "application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  if (body) headers["Content-Type"] = "application/json";
  const askedAt = Date.now();
  const response = await reach(url + route, { method, headers, body: body && JSON.stringify(body) });
  clock?.observe(response.headers.get("Date"), askedAt, GRAIN_MS);
  if (response.status === 204) return null;
  if (response.ok) return response.json().catch(() => Promise.reject(unreachable()));
  throw await problem(response);
}

/** Returns the answer as it is. @param {string} url @param {RequestInit} how @returns {Promise<Response>} */
export async function reach(url, how) {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  try {
    return await fetch(url, { credentials: "omit", cache: "no-store", signal, ...how });
  } catch {
    throw unreachable();
  }
}

/** Uploads by XMLHttpRequest, since `fetch` does not tell how far an upload is. */
export function upload(url, file, token, { onProgress, signal }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", url);
    request.responseType = "json";
    request.setRequestHeader("Authorization", `Bearer ${token}`);
    request.setRequestHeader("Content-Type", "application/octet-stream");
    request.upload.onprogress = ({ loaded, total }) => total && onProgress?.(loaded / total);
    request.onload = () => {
      const { status, response } = request;
      if (status === 201) resolve(response);
      else reject(faultOf(response ?? {}, status, (name) => request.getResponseHeader(name)));
    };
    request.onerror = async () => reject((await isReadable(file)) ? unreachable() : unreadable());
    request.onabort = () => reject(signal.reason);
    signal?.addEventListener("abort", () => request.abort());
    request.send(file);
  });
}

/** An upload ends alike when the server is away and when the file is: a folder, moved, changed. */
function isReadable(file) {
  return file.slice(0, 1).arrayBuffer().then(() => true, () => false);
}

function unreadable() {
  const message = "The file cannot be read. It may be a folder, may have been moved or changed, or you may not have access to it";
  return new LinkupError({ code: "unsupported", message, temporary: false });
}

function unreachable() {
  return new LinkupError({
    code: "unavailable",
    message: "The server cannot be reached",
    temporary: true,
    advice: adviceFor(UNREACHABLE),
  });
}

/** Returns what an answer that is none says. @param {Response} response */
export async function problem(response) {
  const told = await response.json().catch(() => null);
  return faultOf(told ?? {}, response.status, (name) => response.headers.get(name));
}

/** A proxy in front says less than the server: only a status, and perhaps for how long. */
function faultOf(told, status, header) {
  return new LinkupError({
    code: told.code ?? "internal",
    message: told.detail ?? told.title ?? `The server answered ${status}`,
    temporary: told.temporary ?? (status >= 500 || PASSING.has(status)),
    retryAfterMs: told.retry_after_ms ?? inMs(header("Retry-After"), header("Date")),
    status,
  });
}

/** @param {string|null} retryAfter seconds, or a date (RFC 9110, 10.2.3) @param {string|null} date of the answer */
function inMs(retryAfter, date) {
  if (!retryAfter) return undefined;
  const until = () => Date.parse(retryAfter) - (Date.parse(date ?? "") || Date.now());
  const ms = /^\d+$/u.test(retryAfter) ? retryAfter * 1000 : until();
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), LONGEST_WAIT_MS) : undefined;
}
