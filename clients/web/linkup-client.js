// Owns the client side of the protocol: one connection, the outbox, the receipts, the feed position.

import { Api, LinkupError } from "./sdk/api.js";
import { Connection } from "./sdk/connection.js";
import { Outbox } from "./sdk/outbox.js";
import { Receipts } from "./sdk/receipts.js";
import { Sender } from "./sdk/sender.js";

export { LinkupError, login } from "./sdk/api.js";

/** @typedef {import("./sdk/outbox.js").OutboxItem} OutboxItem */
/** @typedef {import("./sdk/connection.js").State} State */
/**
 * @typedef {{client_id: string, message_id: number, conversation_id: string, seq: number,
 *            created_at: string, duplicate: boolean}} Ack
 */

/**
 * A user's messages, on this device.
 *
 * Load the inbox first (`conversations()`), then `start({epoch, cursor})` with what it carried: the
 * feed goes on from there, in order and without gaps. Events, each with its frame as `detail`:
 * `state`; `message` and `receipt` from the feed; `resync` when the inbox has to be loaded again;
 * `queued`, `acked`, `failed` and `discarded` for what this user sends, in any tab; `fault` for an
 * error that concerns no message, temporary or not.
 */
export class LinkupClient extends EventTarget {
  userId;
  #api;
  #connection;
  #outbox;
  #sender;
  #receipts;
  #tabs;
  #position = {};
  #outcomes = new Map();
  #claim = null; // on the outbox: an abort controller that gives it up
  #leads = false;
  #early = null;

  /**
   * @param {{url?: string, userId: string,
   *          getToken: (asked: {renew: boolean}) => Promise<string>}} options
   *        `getToken` is asked with `renew` when the server has refused the token it gave before.
   */
  constructor({ url = location.origin, userId, getToken }) {
    super();
    this.userId = userId;
    this.#api = new Api({ url, getToken });
    this.#outbox = new Outbox(userId);
    this.#sender = new Sender((frame) => this.#connection.send(frame));
    this.#receipts = new Receipts((frame) => this.#connection.send(frame));
    this.#tabs = new BroadcastChannel(`linkup:${userId}`);
    this.#tabs.onmessage = (event) => this.#fromOtherTab(event.data);
    this.#connection = new Connection({
      url: `${url.replace(/^http/, "ws")}/ws`,
      getToken,
      position: () => this.#position,
      onFrame: (frame) => this.#take(frame),
      onState: () => this.#onState(),
    });
  }

  /** @returns {State} */
  get state() {
    return this.#connection.state;
  }

  /** Why it failed, when the next try begins, the last round trip. */
  get connection() {
    const { reason, retryAt, rttMs } = this.#connection;
    return { reason, retryAt, rttMs };
  }

  /** @param {{epoch?: string, cursor?: number}} [position] of the snapshot that was loaded */
  start({ epoch, cursor } = {}) {
    this.#position = { epoch, cursor };
    this.#connection.start();
    this.#claimOutbox();
  }

  /** Ends the connection. What is unsent stays in the outbox for the next start. */
  stop() {
    this.#resign();
    this.#connection.stop();
    this.#receipts.stop();
    this.#tabs.onmessage = null;
  }

  retryNow() {
    this.#connection.retryNow();
  }

  conversations(page) {
    return this.#api.conversations(page);
  }

  messages(conversationId, page) {
    return this.#api.messages(conversationId, page);
  }

  /**
   * Sends to a user (`to`) or a conversation. Messages keep their order as long as a conversation
   * is always named in the same of these two ways. Survives reloads and reconnects; rejects with a
   * `LinkupError` only when the server will never take the message.
   * @param {{to?: string, conversation_id?: string, content: string}} message
   * @returns {Promise<Ack>}
   */
  send({ to, conversation_id, content }) {
    const item = {
      user_id: this.userId,
      client_id: newClientId(),
      ...(to === undefined ? { conversation_id } : { to }),
      content,
      created_at: new Date().toISOString(),
    };
    const outcome = new Promise((resolve, reject) =>
      this.#outcomes.set(item.client_id, { resolve, reject }),
    );
    outcome.catch(() => {}); // who does not wait hears of it through `failed`
    this.#emit("queued", item);
    this.#enqueue(item);
    return outcome;
  }

  /** What is on its way or has failed, oldest first. */
  unsent() {
    return this.#outbox.items();
  }

  /** Sends what has failed once more, as a new message. @param {OutboxItem} item */
  async retry(item) {
    await this.discard(item);
    return this.send(item);
  }

  /** Forgets what has failed. @param {OutboxItem} item */
  async discard(item) {
    await this.#outbox.remove(item.client_id);
    this.#tell("discarded", { client_id: item.client_id });
  }

  delivered(conversationId, seq) {
    this.#receipts.delivered(conversationId, seq);
  }

  read(conversationId, seq) {
    this.#receipts.read(conversationId, seq);
  }

  // ---------------------------------------------------------------- what comes in

  #take(frame) {
    switch (frame.type) {
      case "welcome":
        if (this.#position.cursor === undefined) this.#moveTo(frame);
        this.#sender.resume();
        this.#receipts.resume();
        break;
      case "resync_required":
        this.#moveTo(frame);
        this.#emit("resync", frame);
        break;
      case "pong":
      case "sync_completed":
        this.#position.cursor = frame.cursor;
        break;
      case "ack":
        this.#settle(frame);
        break;
      case "error":
        this.#refuse(frame);
        break;
      case "message":
      case "receipt":
        this.#takeFromFeed(frame);
    }
  }

  #takeFromFeed(frame) {
    if (frame.type === "message" && frame.sender_id === this.userId) this.#settle(frame);
    if (frame.type === "receipt" && frame.user_id === this.userId) {
      this.#receipts.confirm(frame.conversation_id, frame.delivered_seq, frame.read_seq);
    }
    this.#emit(frame.type, frame);
    this.#position.cursor = frame.cursor; // taken in: a resume begins behind it
  }

  #moveTo({ epoch, cursor }) {
    this.#position = { epoch, cursor };
  }

  #onState() {
    const { state } = this.#connection;
    if (state !== "connected") this.#sender.pause();
    if (state === "failed") this.#resign(); // another tab may have a better token
    this.#emit("state", { state });
  }

  // ---------------------------------------------------------------- the outbox

  async #enqueue(item) {
    await this.#outbox.add(item);
    this.#tabs.postMessage({ type: "queued", detail: item });
    this.#hand(item);
  }

  /**
   * One tab at a time sends what all tabs write: the holder of a lock. Without locks (a page that
   * is not on https) every tab sends everything, and the server tells the repeats apart.
   */
  #claimOutbox() {
    const claim = new AbortController();
    this.#claim = claim;
    if (!navigator.locks) {
      this.#lead(claim);
      return;
    }
    const hold = async () => {
      await this.#lead(claim);
      await new Promise((resolve) => claim.signal.addEventListener("abort", resolve));
    };
    navigator.locks
      .request(`linkup-outbox:${this.userId}`, { signal: claim.signal }, hold)
      .catch(() => {}); // aborted while waiting
  }

  async #lead(claim) {
    this.#early = []; // what is written while the outbox is read goes behind what was read
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

  #resign() {
    this.#claim?.abort();
    this.#claim = null;
    this.#early = null;
    this.#leads = false;
    this.#sender.clear();
  }

  /** The message is committed: known by its ack, or by the feed after a resume. */
  #settle({ client_id, message_id, conversation_id, seq, created_at, duplicate = true }) {
    const ack = { client_id, message_id, conversation_id, seq, created_at, duplicate };
    if (!this.#sender.acked(client_id)) return;
    this.#outbox.remove(client_id);
    this.#tell("acked", ack);
  }

  #refuse(frame) {
    const { client_id, code, message, temporary, retry_after_ms } = frame;
    if (client_id && temporary) return this.#sender.postponed(client_id, retry_after_ms);
    const item = client_id && this.#sender.refused(client_id);
    // Before `welcome` a close follows, which says the same.
    if (!item) return client_id || this.state !== "connected" || this.#emit("fault", frame);
    item.failed = { code, message };
    this.#outbox.update(item);
    this.#tell("failed", item);
  }

  #tell(type, detail) {
    this.#tabs.postMessage({ type, detail });
    this.#hearOutcome(type, detail);
  }

  #fromOtherTab({ type, detail }) {
    if (type === "queued") this.#hand(detail);
    this.#hearOutcome(type, detail);
  }

  #hearOutcome(type, detail) {
    const waiting = this.#outcomes.get(detail.client_id);
    if (type === "acked") waiting?.resolve(detail);
    if (type === "failed") {
      waiting?.reject(new LinkupError({ ...detail.failed, temporary: false }));
    }
    if (type !== "queued") this.#outcomes.delete(detail.client_id);
    this.#emit(type, detail);
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** 128 random bits. `crypto.randomUUID` exists on https only; this works everywhere. */
function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
