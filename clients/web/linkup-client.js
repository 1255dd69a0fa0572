// Owns the client side of the protocol: one connection, the position in the feed, and its events.

import { Api } from "./sdk/api.js";
import { Changes } from "./sdk/changes.js";
import { Clock } from "./sdk/clock.js";
import { Dispatch } from "./sdk/dispatch.js";
import { newClientId } from "./sdk/ids.js";
import { Presence } from "./sdk/presence.js";
import { Receipts } from "./sdk/receipts.js";
import { Roads } from "./sdk/roads.js";
import { foreign, Tokens } from "./sdk/tokens.js";
import { Typing, Typists } from "./sdk/typing.js";
import { Waiting } from "./sdk/waiting.js";

export { login } from "./sdk/api.js";
export { adviceFor } from "./sdk/advice.js";
export { LinkupError } from "./sdk/http.js";

/** @typedef {import("./sdk/outbox.js").OutboxItem} OutboxItem */
/** @typedef {import("./sdk/connection.js").State} State */
/**
 * @typedef {{client_id: string, message_id: number, conversation_id: string, seq: number,
 *            created_at: string, duplicate: boolean}} Ack
 */

/**
 * @typedef {{notification_id: string, notification_type: string,
 *            priority: "low"|"normal"|"high"|"urgent", title: string, body: string,
 *            sender_id?: string, sender_name?: string, sender_avatar?: string, action_url?: string,
 *            conversation_id?: string, created_at: string, updated_at: string, is_read: boolean,
 *            read_at?: string, is_grouped: boolean, group_count: number}} Notification
 */

const FEED = new Set([
  "message",
  "message_updated",
  "message_deleted",
  "reaction",
  "receipt",
  "conversation",
]);
const NOTIFICATIONS = new Set([
  "notification",
  "badge_update",
  "notification_read",
  "notifications_read",
]);

/**
 * A user's messages, on this device.
 *
 * Load the inbox first (`api.conversations()`), then `start({epoch, cursor})` with what it carried: the
 * feed goes on from there, in order and without gaps. Events, with their matter as `detail`:
 * `state` and `stalled`; `message`, `message_updated`, `message_deleted`, `reaction`, `receipt` and `conversation`
 * from the feed; `typing` and `presence`; `notification`, `badge_update`, `notification_read` and
 * `notifications_read`, which are not kept: read the list (`api.notifications()`) after a reconnect;
 * `resync` when the inbox has to be loaded again; `queued`, `acked`,
 * `failed` and `discarded` for what this user sends, in any tab; `fault` for an error that concerns
 * nothing of these.
 */
export class LinkupClient extends EventTarget {
  userId;
  /** The methods over HTTP. @type {Api} */
  api;
  /**
   * Returns what the server accepts, as its `welcome` says. Until it does, its defaults: a window of 0 is
   * open for ever.
   */
  limits = { edit_window_seconds: 86_400, delete_window_seconds: 86_400 };
  #roads;
  #dispatch;
  #receipts;
  #changes;
  #waiting;
  #clock = new Clock();
  #typing;
  #typists;
  #presence;
  #tokens;
  #position = {};

  /**
   * @param {{url?: string, userId: string,
   *          getToken: (asked: {renew: boolean}) => Promise<string>}} options
   *        `getToken` is asked with `renew` when the server has refused the token it gave before, and
   *        before that token ends.
   *        A token of another user than `userId` is not used: the state is `failed`, and what goes
   *        over HTTP rejects.
   */
  constructor({ url = location.origin, userId, getToken: anyToken }) {
    super();
    this.userId = userId;
    const on = {
      renewed: (token) => this.#roads.send({ type: "refresh", token }),
      refused: (reason) => this.#roads.fail(reason),
    };
    this.#tokens = new Tokens({ userId, getToken: anyToken, now: () => this.now(), on });
    const getToken = this.#tokens.get;
    this.api = new Api({ url, getToken, clock: this.#clock });
    const transmit = (frame) => this.#roads.send(frame);
    this.#receipts = new Receipts(transmit);
    this.#changes = new Changes(transmit);
    this.#waiting = new Waiting(() => this.#emit("stalled", { stalled: this.stalled }));
    this.#typing = new Typing(transmit);
    this.#presence = new Presence(transmit);
    this.#typists = new Typists((frame) => this.#emit("typing", frame));
    this.#dispatch = new Dispatch({
      userId,
      now: () => this.now(),
      transmit,
      onSending: ({ client_id }) => this.#waiting.begin(client_id),
      onOutcome: (type, detail) => this.#onOutcome(type, detail),
    });
    this.#roads = new Roads({
      url,
      api: this.api,
      getToken,
      position: () => this.#position,
      refuses: ({ user_id }) => (user_id === userId ? null : foreign(user_id, userId).message),
      onFrame: (frame) => this.#take(frame),
      onState: () => this.#onState(),
    });
  }

  /** @returns {State} */
  get state() {
    return this.#roads.state;
  }

  /**
   * `http` where no WebSocket can be had, until one can: messages come within three seconds, and
   * nothing is known of typing and presence. Null while not connected. @returns {"socket"|"http"|null}
   */
  get road() {
    return this.#roads.road;
  }

  /** Returns the server's time, as `Date.now()`: this device's own may be wrong. */
  now() {
    return this.#clock.now();
  }

  /** Returns whether, while connected, something this user sent waits longer than usual for the server. */
  get stalled() {
    return this.#waiting.stalled;
  }

  /** Returns why it failed, when the next try begins (0: now), and the last round trip. */
  get connection() {
    const { reason, retryAt, rttMs } = this.#roads;
    return { reason, retryAt, rttMs };
  }

  /** @param {{epoch?: string, cursor?: number}} [position] of the snapshot that was loaded */
  start({ epoch, cursor } = {}) {
    this.#position = { epoch, cursor };
    this.#tokens.begin();
    this.#roads.start();
  }

  /** Ends the connection. What is unsent stays in the outbox for the next start. */
  stop() {
    this.#dispatch.pause();
    this.#receipts.stop();
    this.#typing.stop();
    this.#changes.clear();
    this.#tokens.stop();
    this.#roads.stop();
  }

  retryNow() {
    this.#roads.retryNow();
  }

  /**
   * Sends to a user (`to`) or a conversation. Messages keep their order as long as a conversation
   * is always named in the same of these two ways. Survives reloads and reconnects; rejects with a
   * `LinkupError` only when the server will never take the message.
   * @param {{to?: string, conversation_id?: string, content: string, reply_to?: number,
   *          attachments?: import("./sdk/api.js").Attachment[]}} message
   *        `reply_to`: the `message_id` of a message of the same conversation; `attachments`: what
   *        `api.upload` answered, at most ten; only beside them `content` may be empty
   * @returns {Promise<Ack>}
   */
  send(message) {
    return this.#dispatch.send(message);
  }

  /** Returns what is on its way or has failed, oldest first. */
  unsent() {
    return this.#dispatch.items();
  }

  /** Sends what has failed once more, as a new message. @param {OutboxItem} item */
  async retry(item) {
    const outcome = this.send(item); // first: whatever happens now, it is not lost
    await this.discard(item);
    return outcome;
  }

  /** Forgets what has failed. @param {OutboxItem} item */
  discard(item) {
    return this.#dispatch.discard(item);
  }

  /**
   * Gives an own message another text. Like all changes it waits for the connection, is sent until the
   * server answers, rejects with its refusal, and does not survive a reload.
   * @param {number} messageId @param {string} content @returns {Promise<void>}
   */
  edit(messageId, content) {
    return this.#change({ type: "edit_message", message_id: messageId, content });
  }

  /**
   * `me`: on all devices of this user; `everyone`: an own message, which leaves a tombstone.
   * @param {number} messageId @param {"me"|"everyone"} mode @returns {Promise<void>}
   */
  delete(messageId, mode) {
    return this.#change({ type: "delete_message", message_id: messageId, mode });
  }

  /**
   * Sets an emoji on a message, or takes it back.
   * @param {number} messageId @param {string} emoji @param {{remove?: boolean}} [how]
   * @returns {Promise<void>}
   */
  react(messageId, emoji, { remove = false } = {}) {
    return this.#change({ type: "react", message_id: messageId, emoji, remove });
  }

  /**
   * Call it at each change of the text: the others hear of the first after a tenth of a second, of
   * the end after a second without another. @param {string} conversationId
   */
  typing(conversationId) {
    this.#typing.changed(conversationId);
  }

  /** Tells that the text was sent or given up. */
  stopTyping() {
    this.#typing.stop();
  }

  /** Tells that this device holds everything of the conversation up to `seq`. */
  delivered(conversationId, seq) {
    this.#receipts.delivered(conversationId, seq);
  }

  /** Tells that a person has seen everything of the conversation up to `seq`. */
  read(conversationId, seq) {
    this.#receipts.read(conversationId, seq);
  }

  /**
   * Names those whose coming and going `presence` tells: exactly these, until it is called again; at most a
   * thousand. Nothing is known while there is no connection. @param {Iterable<string>} userIds
   */
  watch(userIds) {
    this.#presence.watch(userIds);
  }

  #take(frame) {
    switch (frame.type) {
      case "welcome":
        this.limits = { ...this.limits, ...frame.limits };
        if (this.#position.cursor === undefined) this.#moveTo(frame);
        this.#dispatch.resume();
        this.#receipts.resume();
        this.#changes.resume();
        this.#presence.resume();
        if (frame.user_id) this.#emit("welcome", frame); // a welcome of the HTTP road tells nothing
        break;
      case "resync_required":
        this.#moveTo(frame);
        this.#emit("resync", frame);
        break;
      case "pong":
      case "sync_completed":
        this.#advance(frame.cursor);
        break;
      case "ack":
        if (!frame.duplicate) this.#clock.observe(frame.created_at, this.#waiting.since(frame.client_id));
        for (const owner of [this.#receipts, this.#changes]) owner.acked(frame);
        this.#dispatch.settle(frame);
        break;
      case "error":
        this.#onError(frame);
        break;
      case "typing":
        this.#typists.take(frame);
        this.#emit("typing", frame);
        break;
      case "presence":
        this.#emit("presence", frame);
        break;
      case "connection_status":
        break;
      default:
        this.#takeFromFeed(frame);
    }
  }

  #takeFromFeed(frame) {
    if (NOTIFICATIONS.has(frame.type)) this.#onNotification(frame);
    if (frame.cursor === undefined || frame.cursor <= this.#position.cursor) return; // by the other road
    if (frame.type === "message") this.#onMessage(frame);
    if (frame.type === "receipt" && frame.user_id === this.userId) {
      this.#receipts.confirm(frame.conversation_id, frame.delivered_seq, frame.read_seq);
    }
    // What this version does not know has its place in the feed all the same.
    if (FEED.has(frame.type)) this.#emit(frame.type, frame);
    this.#advance(frame.cursor); // taken in: a resume begins behind it
  }

  #onMessage(frame) {
    if (frame.sender_id === this.userId) this.#dispatch.settle(frame);
    else this.#typists.spoke(frame);
  }

  /** Tells that a notification arrived here, so it need not be pushed to this device. */
  #onNotification(frame) {
    const confirmation = { type: "delivered", notification_id: frame.notification_id };
    if (frame.type === "notification") this.#roads.send({ ...confirmation, client_id: newClientId() });
    this.#emit(frame.type, frame);
  }

  #advance(cursor) {
    this.#position.cursor = Math.max(this.#position.cursor ?? 0, cursor);
  }

  #moveTo({ epoch, cursor }) {
    this.#position = { epoch, cursor };
  }

  #onError(frame) {
    if (frame.client_id) this.#refuse(frame);
    // Before `welcome` a close follows, which says the same.
    else if (this.state === "connected") this.#emit("fault", frame);
  }

  #refuse(frame) {
    const taken = [this.#receipts, this.#changes].some((owner) => owner.refused(frame));
    if (!taken) this.#dispatch.refuse(frame);
  }

  #onOutcome(type, detail) {
    if (type === "queued") this.#waiting.begin(detail.client_id);
    else this.#waiting.end(detail.client_id);
    this.#emit(type, detail);
  }

  #change(frame) {
    const outcome = this.#changes.make(frame);
    this.#waiting.begin(outcome);
    const ended = () => this.#waiting.end(outcome);
    outcome.then(ended, ended);
    return outcome;
  }

  #onState() {
    this.#waiting.connection(this.state === "connected");
    if (this.state !== "connected") this.#pause();
    if (this.state === "failed") this.#tokens.stop();
    this.#emit("state", { state: this.state });
  }

  #pause() {
    this.#dispatch.pause();
    this.#changes.pause();
    this.#typists.clear();
  }

  #emit(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}
