// Owns what this user changes of stored messages, until the server has said yes or no.

import { LinkupError } from "./http.js";
import { resendDelay } from "./backoff.js";
import { newClientId } from "./ids.js";

const ANSWER_MS = 5_000;

/**
 * Edits, deletions and reactions. One at a time for each message, so that they keep their order;
 * sent again, with the same `client_id`, until there is an outcome. They end with the page: a
 * change kept longer might undo what another device has changed since.
 */
export class Changes {
  #transmit;
  #lines = new Map(); // message_id → its changes; the first is on its way

  /** @param {(frame: object) => boolean} transmit false: not connected, `resume` will follow */
  constructor(transmit) {
    this.#transmit = transmit;
  }

  /**
   * @param {{type: string, message_id: number}} frame
   * @returns {Promise<void>} rejects with a `LinkupError` when the server will not have it
   */
  make(frame) {
    const change = { frame: { ...frame, client_id: newClientId() }, attempt: 0, timer: 0 };
    const outcome = new Promise((resolve, reject) => Object.assign(change, { resolve, reject }));
    const line = this.#lines.get(frame.message_id) ?? [];
    this.#lines.set(frame.message_id, line);
    line.push(change);
    if (line.length === 1) this.#send(change);
    return outcome;
  }

  /** Takes in an `ack`, perhaps of one of these. */
  acked({ client_id }) {
    this.#end(client_id)?.resolve();
  }

  /** Takes in an `error` frame. @returns {boolean} whether it was about one of these */
  refused({ client_id, retry_after_ms, ...fault }) {
    const change = this.#heads().find(({ frame }) => frame.client_id === client_id);
    if (!change) return false;
    if (fault.temporary) this.#later(change, resendDelay(change.attempt++, retry_after_ms));
    else this.#end(client_id).reject(new LinkupError(fault));
    return true;
  }

  /** Goes on after a connection was made. */
  resume() {
    for (const change of this.#heads()) this.#send(change);
  }

  pause() {
    for (const { timer } of this.#heads()) clearTimeout(timer);
  }

  clear() {
    this.pause();
    const left = [...this.#lines.values()].flat();
    this.#lines.clear();
    const fault = { code: "unavailable", message: "The client was stopped", temporary: true };
    for (const { reject } of left) reject(new LinkupError(fault));
  }

  #heads() {
    return [...this.#lines.values()].map(([head]) => head);
  }

  #send(change) {
    if (this.#transmit(change.frame)) this.#later(change, ANSWER_MS);
  }

  #later(change, ms) {
    clearTimeout(change.timer);
    change.timer = setTimeout(() => this.#send(change), ms);
  }

  #end(clientId) {
    for (const [messageId, [head, next]] of this.#lines) {
      if (head.frame.client_id !== clientId) continue;
      clearTimeout(head.timer);
      this.#lines.get(messageId).shift();
      if (next) this.#send(next);
      else this.#lines.delete(messageId);
      return head;
    }
    return null;
  }
}
