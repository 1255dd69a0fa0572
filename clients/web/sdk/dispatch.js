// Owns the way of this user's own messages: the outbox, who empties it, and how each one ended.

import { LinkupError } from "./api.js";
import { newClientId } from "./ids.js";
import { Outbox } from "./outbox.js";
import { Sender } from "./sender.js";

/** @typedef {import("./outbox.js").OutboxItem} OutboxItem */

/**
 * All tabs of a user share one outbox. One tab at a time sends what all of them write: the holder
 * of a lock. Without locks (a page that is not on https) every tab sends everything, and the server
 * tells the repeats apart by their `client_id`.
 */
export class Dispatch {
  #userId;
  #onOutcome;
  #outbox;
  #sender;
  #tabs;
  #outcomes = new Map();
  #claim = null; // on the outbox: an abort controller that gives it up
  #leads = false;
  #early = null; // what is written while the outbox is read

  /**
   * @param {{userId: string, transmit: (frame: object) => boolean,
   *          onOutcome: (type: "queued"|"acked"|"failed"|"discarded", detail: any) => void}} options
   */
  constructor({ userId, transmit, onOutcome }) {
    this.#userId = userId;
    this.#onOutcome = onOutcome;
    this.#outbox = new Outbox(userId);
    this.#sender = new Sender(transmit);
    this.#tabs = new BroadcastChannel(`linkup:${userId}`);
    this.#tabs.onmessage = ({ data }) => this.#fromOtherTab(data);
  }

  /** Begins to empty the outbox, now or when the tab that does so is gone. */
  claim() {
    const claim = new AbortController();
    this.#claim = claim;
    if (!navigator.locks) {
      this.#lead(claim);
      return;
    }
    const hold = async () => {
      await this.#lead(claim);
      if (claim.signal.aborted) return;
      await new Promise((resolve) => claim.signal.addEventListener("abort", resolve));
    };
    navigator.locks
      .request(`linkup-outbox:${this.#userId}`, { signal: claim.signal }, hold)
      .catch(() => {}); // given up while waiting
  }

  /** Leaves the outbox to another tab. */
  resign() {
    this.#claim?.abort();
    this.#claim = null;
    this.#early = null;
    this.#leads = false;
    this.#sender.clear();
  }

  /** There is a connection (again): everything unacknowledged goes out. */
  resume() {
    this.#sender.resume();
  }

  pause() {
    this.#sender.pause();
  }

  /**
   * @param {{to?: string, conversation_id?: string, content: string, reply_to?: number,
   *          attachments?: any[]}} message
   */
  send({ to, conversation_id, content, reply_to, attachments }) {
    const item = {
      user_id: this.#userId,
      client_id: newClientId(),
      ...(to === undefined ? { conversation_id } : { to }),
      content,
      ...(reply_to && { reply_to }),
      ...(attachments?.length && { attachments }),
      created_at: new Date().toISOString(),
    };
    const outcome = new Promise((resolve, reject) =>
      this.#outcomes.set(item.client_id, { resolve, reject }),
    );
    outcome.catch(() => {}); // who does not wait hears of it through `failed`
    this.#onOutcome("queued", item);
    this.#enqueue(item);
    return outcome;
  }

  /** @returns {Promise<OutboxItem[]>} */
  items() {
    return this.#outbox.items();
  }

  /** @param {OutboxItem} item */
  discard({ client_id }) {
    this.#tell("discarded", { client_id });
    return this.#outbox.remove(client_id);
  }

  /** The message is committed: known by its ack, or by the feed after a resume. */
  settle({ client_id, message_id, conversation_id, seq, created_at, duplicate = true }) {
    if (!this.#sender.acked(client_id)) return;
    this.#outbox.remove(client_id);
    this.#tell("acked", { client_id, message_id, conversation_id, seq, created_at, duplicate });
  }

  /** An `error` frame that names a message. */
  refuse({ client_id, code, message, temporary, retry_after_ms }) {
    if (temporary) return this.#sender.postponed(client_id, retry_after_ms);
    const item = this.#sender.refused(client_id);
    if (!item) return;
    item.failed = { code, message };
    this.#outbox.update(item);
    this.#tell("failed", item);
  }

  async #enqueue(item) {
    await this.#outbox.add(item);
    this.#tabs.postMessage({ type: "queued", detail: item });
    this.#hand(item);
  }

  async #lead(claim) {
    this.#early = [];
    const items = await this.#outbox.items();
    if (claim.signal.aborted) return;
    for (const item of [...items, ...this.#early]) if (!item.failed) this.#sender.add(item);
    this.#early = null;
    this.#leads = true;
  }

  #hand(item) {
    if (this.#leads) this.#sender.add(item);
    else this.#early?.push(item);
  }

  #tell(type, detail) {
    this.#tabs.postMessage({ type, detail });
    this.#hear(type, detail);
  }

  #fromOtherTab({ type, detail }) {
    if (type === "queued") this.#hand(detail);
    this.#hear(type, detail);
  }

  #hear(type, detail) {
    const waiting = this.#outcomes.get(detail.client_id);
    if (type === "acked") waiting?.resolve(detail);
    if (type === "failed") {
      waiting?.reject(new LinkupError({ ...detail.failed, temporary: false }));
    }
    if (type !== "queued") this.#outcomes.delete(detail.client_id);
    this.#onOutcome(type, detail);
  }
}
