// Owns the one WebSocket: its life, its heartbeat and its return. Knows nothing of messages.

import { backoff } from "./backoff.js";

/**
 * `connecting` the first time, `connected` after `welcome`, `reconnecting` between and during later
 * tries, `offline` the same while the browser has no network, `failed` when only a person can help,
 * `disconnected` before start and after stop.
 * @typedef {"disconnected"|"connecting"|"connected"|"reconnecting"|"offline"|"failed"} State
 */

const SUBPROTOCOL = "linkup.v1";
const UNAUTHORIZED = 4401;
const REFUSED = new Map([
  [4404, "The server does not know this user"],
  [4408, "The server closed the connection because of protocol errors"],
]);
const WELCOME_TIMEOUT_MS = 10_000;
const PROBE_TIMEOUT_MS = 2_000;
const STABLE_MS = 10_000;
// A token says in whole seconds when it was issued, so one of the second of a disconnect is refused.
const NEXT_SECOND_MS = 1_100;
const SILENCE = 2.5; // heartbeats

/** Returns what to tell a person whose token the server refuses. @param {string} refusal the server's words, if any */
export const sessionOver = (refusal) => ["Your session is over", refusal].filter(Boolean).join(". ");

export class Connection {
  /** @type {State} */
  state = "disconnected";
  /** Why the connection failed, in words. */
  reason = "";
  /** When the next try begins, as `Date.now()`; 0 while one is running. */
  retryAt = 0;
  /** The last measured round trip, or null. @type {number|null} */
  rttMs = null;

  #options;
  #socket = null;
  #life = 0; // of the present try; what an older one still does is ignored
  #attempt = 0;
  #welcomed = false;
  #welcomedAt = 0;
  #refusals = 0; // of tokens in a row
  #refusal = ""; // the server's words about the last token
  #comeBackAt = 0;
  #heartbeatMs = 10_000;
  #timers = { retry: 0, welcome: 0, ping: 0, silence: 0, leave: 0 };

  /**
   * @param {{url: string, getToken: (asked: {renew: boolean}) => Promise<string>,
   *          position: () => {epoch?: string, cursor?: number},
   *          refuses: (welcome: any) => string|null,
   *          onFrame: (frame: any) => void, onState: () => void}} options
   *        `refuses`: why this `welcome` is not for us, if it is not
   */
  constructor(options) {
    this.#options = options;
  }

  start() {
    if (this.state !== "disconnected" && this.state !== "failed") return;
    addEventListener("online", this.#onOnline);
    addEventListener("offline", this.#onOffline);
    document.addEventListener("visibilitychange", this.#onVisible);
    this.#attempt = 0;
    this.#open();
  }

  stop() {
    this.#leave("disconnected");
  }

  /** Try at once instead of waiting. */
  retryNow() {
    if (this.#timers.retry) this.#open();
  }

  /** @returns {boolean} whether the frame was handed to a connected socket */
  send(frame) {
    if (this.state !== "connected") return false;
    this.#socket.send(JSON.stringify(frame));
    return true;
  }

  async #open() {
    const life = this.#drop();
    this.#become(this.#waitingState());
    let token;
    try {
      token = await this.#options.getToken({ renew: this.#refusals > 0 });
    } catch (error) {
      if (life === this.#life) error.temporary === false ? this.fail(error.message) : this.#retry();
      return;
    }
    if (life !== this.#life) return;
    try {
      this.#dial(life, token);
    } catch {
      this.#retry(); // a browser that is told to block WebSockets throws, or has none
    }
  }

  #dial(life, token) {
    const socket = new WebSocket(this.#options.url, SUBPROTOCOL);
    this.#socket = socket;
    socket.onopen = () =>
      socket.send(JSON.stringify({ type: "hello", token, ...this.#options.position() }));
    socket.onmessage = (event) => life === this.#life && this.#hear(JSON.parse(event.data));
    socket.onclose = (event) => life === this.#life && this.#closed(event.code);
    this.#after("welcome", WELCOME_TIMEOUT_MS, () => this.#retry());
  }

  #hear(frame) {
    this.#cancel("silence");
    if (frame.type === "welcome") {
      const reason = this.#options.refuses(frame);
      if (reason) return this.fail(reason);
      this.#welcome(frame);
    }
    if (frame.type === "pong" && typeof frame.timestamp === "number") {
      this.rttMs = performance.now() - frame.timestamp;
    }
    if (frame.type === "error" && frame.code === "unauthorized") this.#refusal = frame.message;
    if (frame.type === "reconnect") this.#askedToLeave(frame.after_ms);
    this.#options.onFrame(frame);
  }

  #welcome(frame) {
    this.#cancel("welcome");
    this.#welcomed = true;
    this.#welcomedAt = Date.now();
    this.#refusals = 0;
    this.#refusal = "";
    this.#heartbeatMs = frame.heartbeat_ms;
    this.#after("ping", this.#heartbeatMs, () => this.#beat());
    this.#become("connected");
  }

  #beat() {
    this.#probe((SILENCE - 1) * this.#heartbeatMs);
    this.#after("ping", this.#heartbeatMs, () => this.#beat());
  }

  /**
   * Asks for a sign of life. The deadline runs from the question, not from the last frame: a
   * background tab's timers come late, and a late question must not look like a late answer.
   */
  #probe(deadlineMs) {
    this.send({ type: "ping", timestamp: performance.now() });
    if (!this.#timers.silence) this.#after("silence", deadlineMs, () => this.#retry());
  }

  #askedToLeave(afterMs) {
    this.#comeBackAt = Date.now() + afterMs;
    this.#after("leave", afterMs, () => this.#retry()); // the server usually closes sooner
  }

  #closed(code) {
    if (REFUSED.has(code)) return this.fail(REFUSED.get(code));
    if (code !== UNAUTHORIZED) return this.#retry();
    this.#refusals += 1; // a fresh token may do; the same one will not
    if (this.#refusals === 1) this.#open();
    else if (this.#refusals === 2) this.#wait(NEXT_SECOND_MS);
    else this.fail(sessionOver(this.#refusal));
  }

  #retry() {
    if (this.#welcomedAt && Date.now() - this.#welcomedAt >= STABLE_MS) this.#attempt = 0;
    const asked = this.#comeBackAt - Date.now();
    const delay = this.#comeBackAt ? Math.max(0, asked) : backoff(this.#attempt++);
    this.#comeBackAt = 0;
    this.#wait(delay);
  }

  #wait(delay) {
    this.#drop();
    this.retryAt = Date.now() + delay;
    this.#after("retry", delay, () => this.#open());
    this.#become(this.#waitingState());
  }

  /** Ends it for good: only a person can help. @param {string} reason in words */
  fail(reason) {
    this.reason = reason;
    this.#leave("failed");
  }

  #leave(state) {
    removeEventListener("online", this.#onOnline);
    removeEventListener("offline", this.#onOffline);
    document.removeEventListener("visibilitychange", this.#onVisible);
    this.#drop();
    this.#refusals = 0;
    this.#become(state);
  }

  /** Forgets the socket at once: the close of a half-open one can take minutes to be reported. */
  #drop() {
    for (const name of Object.keys(this.#timers)) this.#cancel(name);
    this.#socket?.close();
    this.#socket = null;
    this.#welcomedAt = 0;
    this.retryAt = 0;
    this.rttMs = null;
    return ++this.#life;
  }

  #waitingState() {
    // The browser's word only colours the waiting: without any network, localhost still answers.
    if (!navigator.onLine) return "offline";
    return this.#welcomed || this.#attempt > 1 ? "reconnecting" : "connecting";
  }

  #become(state) {
    this.state = state;
    this.#options.onState();
  }

  #onOnline = () => (this.state === "connected" ? this.#probe(PROBE_TIMEOUT_MS) : this.retryNow());

  #onOffline = () => {
    if (this.state === "connected") this.#probe(PROBE_TIMEOUT_MS);
    else this.#become(this.#waitingState());
  };

  #onVisible = () => {
    if (document.visibilityState === "visible") this.#onOnline();
  };

  #after(name, ms, act) {
    this.#cancel(name);
    this.#timers[name] = setTimeout(() => {
      this.#timers[name] = 0;
      act();
    }, ms);
  }

  #cancel(name) {
    clearTimeout(this.#timers[name]);
    this.#timers[name] = 0;
  }
}
