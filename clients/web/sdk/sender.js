// Owns the order of sending: one line per conversation, resent from its head until acknowledged.

import { resendDelay } from "./backoff.js";

/** @typedef {import("./outbox.js").OutboxItem} OutboxItem */

const ACK_TIMEOUT_MS = 5_000;
const IN_FLIGHT = 10; // per conversation; well below the server's burst of 20

/** Messages of one conversation in the order they were written, and how far they were sent. */
class Line {
  /** @type {OutboxItem[]} */
  items = [];
  sent = 0;
  attempt = 0;
  timer = 0;
  waiting = false;

  rewind() {
    clearTimeout(this.timer);
    this.timer = 0;
    this.sent = 0;
    this.waiting = false;
  }
}

export class Sender {
  #transmit;
  /** @type {Map<string, Line>} */
  #lines = new Map();

  /** @param {(frame: object) => boolean} transmit false: not connected, `clear` will follow */
  constructor(transmit) {
    this.#transmit = transmit;
  }

  /** @param {OutboxItem} item */
  add(item) {
    const line = this.#lineOf(item);
    if (line.items.some((known) => known.client_id === item.client_id)) return;
    line.items.push(item);
    this.#pump(line);
  }

  /** Takes in that a message is stored: the next in its line may go. @returns {OutboxItem|null} */
  acked(clientId) {
    const line = this.#find(clientId);
    if (!line) return null;
    line.attempt = 0;
    return this.#takeOut(line, clientId);
  }

  /** Takes in that a message will never be stored as it is. @returns {OutboxItem|null} */
  refused(clientId) {
    const line = this.#find(clientId);
    return line && this.#takeOut(line, clientId);
  }

  /**
   * Takes in a temporary error. Whatever follows in the line is answered `out_of_order`, so all of it is
   * sent again from the head on, after one wait.
   */
  postponed(clientId, retryAfterMs) {
    const line = this.#find(clientId);
    if (!line || line.waiting) return;
    line.rewind();
    line.waiting = true;
    const wake = () => {
      line.waiting = false;
      this.#pump(line);
    };
    line.timer = setTimeout(wake, resendDelay(line.attempt++, retryAfterMs));
  }

  /** Leaves what is left to another tab, or to the next connection. */
  clear() {
    for (const line of this.#lines.values()) line.rewind();
    this.#lines.clear();
  }

  #pump(line) {
    if (line.waiting) return;
    while (line.sent < Math.min(line.items.length, IN_FLIGHT)) {
      if (!this.#transmit(frameOf(line.items[line.sent], line.items[line.sent - 1]))) return;
      line.sent += 1;
    }
    if (line.sent && !line.timer) line.timer = setTimeout(() => this.#lapse(line), ACK_TIMEOUT_MS);
  }

  #lapse(line) {
    line.rewind();
    this.#pump(line);
  }

  #takeOut(line, clientId) {
    const place = line.items.findIndex((item) => item.client_id === clientId);
    const [item] = line.items.splice(place, 1);
    if (place < line.sent) line.sent -= 1;
    if (!line.waiting) {
      clearTimeout(line.timer); // the new head has its own five seconds
      line.timer = 0;
    }
    if (line.items.length) this.#pump(line);
    else this.#lines.delete(keyOf(item));
    return item;
  }

  #lineOf(item) {
    const key = keyOf(item);
    if (!this.#lines.has(key)) this.#lines.set(key, new Line());
    return this.#lines.get(key);
  }

  #find(clientId) {
    for (const line of this.#lines.values()) {
      if (line.items.some((item) => item.client_id === clientId)) return line;
    }
    return null;
  }
}

function keyOf(item) {
  return item.conversation_id ? `c:${item.conversation_id}` : `u:${item.to}`;
}

function frameOf(item, predecessor) {
  const { client_id, content, to, conversation_id, reply_to } = item;
  // Undefined fields do not reach the wire. `after` keeps the order even when the predecessor's
  // fate is unknown, as after a reconnect.
  const after = predecessor?.client_id;
  const attachments = item.attachments?.map(({ attachment_id }) => attachment_id);
  return { type: "message", client_id, content, to, conversation_id, reply_to, attachments, after };
}
