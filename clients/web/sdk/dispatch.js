// Owns the way of this user's own messages: into the outbox, out of it, and how each one ended.

import { LinkupError } from "./http.js";
import { newClientId } from "./ids.js";
import { Lead } from "./lead.js";
import { Outbox } from "./outbox.js";
import { Sender } from "./sender.js";

/** @typedef {import("./outbox.js").OutboxItem} OutboxItem */

/**
 * All tabs of a user share one outbox. One tab at a time sends what all of them write, in the order
 * of the outbox; the server tells repeats apart by their `client_id`.
 */
export class Dispatch {
  #userId;
  #onOutcome;
  #now;
  #onSending;
  #outbox;
  #sender;
  #tabs;
  #outcomes = new Map();
  #lead;
  #early = null; // what is written while the outbox is read
  #sends = false;

  /**
   * @param {{userId: string, now: () => number, transmit: (frame: object) => boolean,
   *          onSending: (item: OutboxItem) => void,
   *          onOutcome: (type: "queued"|"acked"|"failed"|"discarded", detail: any) => void}} options
   *        `onSending`: an earlier page, or another tab, has left it
   */
  constructor({ userId, now, transmit, onSending, onOutcome }) {
    this.#userId = userId;
    this.#now = now;
    this.#onSending = onSending;
    this.#onOutcome = onOutcome;
    this.#outbox = new Outbox(userId);
    this.#sender = new Sender(transmit);
    this.#tabs = new BroadcastChannel(`linkup:${userId}`);
    this.#tabs.onmessage = ({ data }) => this.#fromOtherTab(data);
    const on = {
      begin: (signal) => this.#begin(signal),
      end: () => this.#end(),
      call: () => this.#post("call"),
    };
    this.#lead = new Lead({ userId, on });
  }

  /** Takes in that there is a connection (again): everything unacknowledged goes out, from here or another tab. */
  resume() {
    this.#lead.claim();
  }

  /** Takes in that there is none: the outbox is left to a tab that has one. */
  pause() {
    this.#lead.resign();
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
      created_at: new Date(this.#now()).toISOString(),
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

  /** Takes in that a message is committed, as is known by its ack, or by the feed after a resume. */
  settle({ client_id, message_id, conversation_id, seq, created_at, duplicate = true }) {
    if (!this.#sender.acked(client_id)) return;
    this.#outbox.remove(client_id);
    this.#tell("acked", { client_id, message_id, conversation_id, seq, created_at, duplicate });
  }

  /** Takes in an `error` frame that names a message. */
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
    this.#post("queued", item);
    this.#hand(item);
  }

  async #begin(signal) {
    this.#early = [];
    this.#post("here");
    const items = await this.#outbox.items();
    if (signal.aborted) return;
    for (const item of [...items, ...this.#early].filter(({ failed }) => !failed)) {
      this.#onSending(item);
      this.#sender.add(item);
    }
    this.#early = null;
    this.#sends = true;
  }

  #end() {
    this.#early = null;
    this.#sends = false;
    this.#sender.clear();
  }

  #hand(item) {
    if (this.#sends) this.#sender.add(item);
    else this.#early?.push(item);
    this.#lead.expect();
  }

  #post(type, detail) {
    this.#tabs.postMessage({ type, detail });
  }

  #tell(type, detail) {
    this.#post(type, detail);
    this.#hear(type, detail);
  }

  #fromOtherTab({ type, detail }) {
    const asks = type === "call" || type === "queued";
    if (asks && this.#lead.holds) this.#post("here");
    if (type === "queued") this.#hand(detail);
    if (detail) this.#hear(type, detail);
    if (type === "here") this.#lead.alive(this.#outcomes.size > 0);
    else if (!asks) this.#lead.progressed(this.#outcomes.size > 0);
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
