// Owns the road over HTTP, for where WebSockets are blocked: the same frames, asked for every few seconds.

import { backoff } from "./backoff.js";

const EVERY_MS = 2_500; // so that a message is here within three seconds
const PAGE = 100;
const BADGE_EVERY = 6; // polls

/**
 * Takes the frames that a socket would take, and gives those that it would give. Typing and presence
 * have no route: they are neither sent nor received.
 */
export class Polling {
  /** Whether the last poll was answered. */
  isOpen = false;
  /** How long its answer took, or null. @type {number|null} */
  rttMs = null;

  #options;
  #runs = false;
  #life = 0; // answers that an earlier one asked for are ignored
  #attempt = 0;
  #polls = 0;
  #timer = 0;
  #lines = new Map(); // by where they go, messages that wait; the first one is on its way

  /**
   * @param {{api: import("./api.js").Api, position: () => {epoch?: string, cursor?: number},
   *          onFrame: (frame: any) => void, onChange: () => void,
   *          onRefused: (reason: string) => void}} options
   *        `onChange`: of `isOpen`, except by `stop`; `onRefused`: the token is, also a fresh one
   */
  constructor(options) {
    this.#options = options;
  }

  start() {
    if (this.#runs) return;
    this.#runs = true;
    addEventListener("online", this.#now);
    document.addEventListener("visibilitychange", this.#now);
    this.#poll();
  }

  /** What is on its way may still be stored: it is sent again by the other road. */
  stop() {
    this.#runs = this.isOpen = false;
    this.#attempt = 0;
    this.#forget();
    removeEventListener("online", this.#now);
    document.removeEventListener("visibilitychange", this.#now);
  }

  /** Poll at once instead of waiting. */
  now() {
    if (this.#timer) this.#poll();
  }

  /** @returns {boolean} whether it was handed to an open road, and is answered by a frame */
  send(frame) {
    if (!this.isOpen) return false;
    if (frame.type === "message") this.#enqueue(frame);
    else return this.#carry(frame) !== null;
    return true;
  }

  #now = () => document.visibilityState === "visible" && this.now();

  async #poll() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const life = this.#life;
    const askedAt = performance.now();
    const answer = await this.#page().then(
      (page) => () => this.#take(page, performance.now() - askedAt),
      (error) => () => this.#failed(error),
    );
    if (life !== this.#life) return;
    const wait = answer();
    if (this.#runs) this.#timer = setTimeout(() => this.#poll(), wait);
  }

  async #page() {
    const { api, position } = this.#options;
    try {
      return await api.sync({ ...position(), limit: PAGE });
    } catch (error) {
      if (error.code !== "resync_required") throw error;
      const { epoch, cursor } = await api.sync();
      const resync = { type: "resync_required", reason: error.message, epoch, cursor };
      return { epoch, cursor, frames: [resync], has_more: false };
    }
  }

  /** @returns {number} milliseconds before the next poll */
  #take({ epoch, cursor, frames, has_more }, rttMs) {
    const { onFrame } = this.#options;
    this.rttMs = rttMs;
    this.#attempt = 0;
    this.#open({ type: "welcome", epoch, cursor });
    for (const frame of [...frames, { type: "sync_completed", cursor }]) {
      if (this.#runs) onFrame(frame); // a listener may have stopped the client
    }
    if (this.#polls++ % BADGE_EVERY === 0) this.#askBadge();
    return has_more ? 0 : EVERY_MS;
  }

  #open(welcome) {
    if (this.isOpen) return;
    this.isOpen = true;
    this.#polls = 0;
    this.#options.onChange();
    this.#options.onFrame(welcome);
  }

  /** Asks for what a socket would be told. Without an answer it is asked again in its time. */
  #askBadge() {
    const life = this.#life;
    const { api, onFrame } = this.#options;
    const take = ({ unread_count }) => life === this.#life && onFrame({ type: "badge_update", unread_count });
    api.notifications({ limit: 1 }).then(take, () => {});
  }

  /** @returns {number} milliseconds before the next poll */
  #failed(error) {
    if (this.#isRefused(error)) return 0;
    if (error.code === "rate_limited") return Math.max(error.retryAfterMs, EVERY_MS);
    const wasOpen = this.isOpen;
    this.isOpen = false;
    this.#forget();
    if (wasOpen) this.#options.onChange();
    return Math.max(error.retryAfterMs ?? 0, backoff(this.#attempt++));
  }

  #isRefused({ code, message }) {
    if (code === "unauthorized") this.#options.onRefused(message);
    return code === "unauthorized";
  }

  #forget() {
    this.#life += 1;
    clearTimeout(this.#timer);
    this.#timer = 0;
    this.#lines.clear();
    this.rttMs = null;
  }

  /** Sends one at a time to each conversation, which keeps their order, whatever gateways they reach. */
  #enqueue(frame) {
    const key = frame.conversation_id ? `c:${frame.conversation_id}` : `u:${frame.to}`;
    const line = this.#lines.get(key);
    if (!line) this.#drain(key, [frame]);
    else if (!line.some(({ client_id }) => client_id === frame.client_id)) line.push(frame);
  }

  async #drain(key, line) {
    const lines = this.#lines;
    const life = this.#life;
    lines.set(key, line);
    while (line.length && life === this.#life) {
      const { temporary } = await this.#carry(line[0]);
      line.splice(0, temporary ? line.length : 1); // after a wait, all of it comes again
    }
    if (lines.get(key) === line) lines.delete(key);
  }

  /** @returns {Promise<{temporary?: boolean}>|null} how it ended; null: there is no such route */
  #carry(frame) {
    const answer = this.#ask(frame);
    const life = this.#life;
    return answer && answer.then(
      (stored) => this.#settle(life, { ...stored, type: "ack", client_id: frame.client_id }),
      (error) => this.#settle(life, faultOf(frame, error)),
    );
  }

  #settle(life, outcome) {
    if (life === this.#life && !this.#isRefused(outcome)) this.#options.onFrame(outcome);
    return outcome;
  }

  #ask(frame) {
    const { api } = this.#options;
    switch (frame.type) {
      case "message":
        return api.send(frame);
      case "edit_message":
        return api.edit(frame.message_id, frame.content).then(nothing);
      case "delete_message":
        return api.delete(frame.message_id, frame.mode).then(nothing);
      case "react":
        return api.react(frame.message_id, frame.emoji, frame).then(nothing);
      case "mark_chat_read":
        return api.markRead(frame.conversation_id, frame.up_to).then(nothing);
      case "delivered":
        return api.markDelivered(frame.conversation_id, frame.seq).then(nothing);
      default:
        return null;
    }
  }
}

/** Says nothing, since only an `ack` of a message says more than that it was done. */
const nothing = () => ({});

/** A refusal that is not in the words of the server comes from a proxy, and may pass. */
function faultOf({ client_id }, { code = "internal", message, temporary, retryAfterMs }) {
  const passes = temporary !== false || code === "internal";
  return { type: "error", client_id, code, message, temporary: passes, retry_after_ms: retryAfterMs };
}
