// Owns what is known of one conversation: its messages, its marks, what is unread and unsent.

import { revised } from "./revision.js";
import { Thread, versionOf } from "./thread.js";

/** @typedef {import("../sdk/outbox.js").OutboxItem} OutboxItem */
/**
 * @typedef {{message_id: number, conversation_id: string, seq: number, version?: number,
 *            sender_id: string, client_id: string, content: string, reply_to?: number,
 *            reactions?: {emoji: string, user_ids: string[]}[], created_at: string,
 *            edited_at?: string, deleted_at?: string}} Message
 */

/**
 * Everything it takes in may come twice and in any order, but for the other side's messages, which
 * the feed delivers in theirs.
 */
export class Chat {
  peer;
  /** @type {string|null} unknown until somebody has written */
  conversationId = null;
  /** Without holes, once `loaded`. */
  thread = new Thread();
  /** @type {OutboxItem[]} */
  pending = [];
  /** Changes that the server has not confirmed: message_id → as the feed will tell them. */
  hoped = new Map();
  /** Messages that others answer and that are not loaded; null: not to be had. */
  quotes = new Map();
  /** Who is typing now. @type {Set<string>} */
  typists = new Set();
  /** Place in the inbox, highest first: given by the server's order and by what happens here. */
  order = null;
  hasMore = false;
  loaded = false;
  loading = false;
  error = "";
  unread = 0;
  lastSeq = 0;
  archived = false;
  muted = false;
  #me;
  #last = null;
  #counted = 0; // up to which seq the other side's messages are in `unread`
  #marks = new Map(); // user_id → [delivered, read]
  #generation = 0;

  constructor(me, peerId) {
    this.#me = me;
    this.peer = { user_id: peerId, name: peerId };
  }

  get isSaved() {
    return this.peer.user_id === this.#me;
  }

  get title() {
    return this.isSaved ? "Saved messages" : this.peer.name || this.peer.user_id;
  }

  /** How to call a member. @param {string} userId */
  nameOf(userId) {
    return userId === this.peer.user_id ? this.title : userId;
  }

  /** As a person sees them: with the changes that are on their way. @returns {Message[]} */
  get messages() {
    return this.thread.items.map((message) => this.shown(message)).filter(Boolean);
  }

  /** The newest thing said, sent or not. @returns {Message|OutboxItem|null} */
  get preview() {
    return this.pending.at(-1) ?? (this.#last && this.shown(this.#last));
  }

  /** Changes when what was loaded became void. */
  get generation() {
    return this.#generation;
  }

  /** A line of the inbox as the server tells it. */
  take(summary) {
    this.conversationId = summary.conversation_id;
    this.peer = summary.peer;
    this.archived = summary.archived;
    this.muted = summary.muted;
    this.#marks.set(this.peer.user_id, this.#marksOf(this.peer.user_id));
    this.lastSeq = Math.max(this.lastSeq, summary.last_seq);
    if (summary.last_message) this.#remember(summary.last_message);
    this.advance(this.peer.user_id, summary.peer_delivered_seq, summary.peer_read_seq);
    this.advance(this.#me, summary.delivered_seq, summary.read_seq);
    if (summary.last_seq < this.#counted) return;
    this.#counted = summary.last_seq;
    const [, read] = this.#marksOf(this.#me); // may be ahead of what the server had heard by then
    this.unread = Math.min(summary.unread_count, Math.max(0, summary.last_seq - read));
  }

  /** @param {Message} message */
  add(message) {
    if (message.seq === 1) this.loaded = true; // there is nothing before it
    if (this.loaded || this.loading) this.thread.add(message);
    this.#remember(message);
    const [, read] = this.#marksOf(this.#me);
    if (message.sender_id !== this.#me && message.seq > Math.max(this.#counted, read)) {
      if (!message.deleted_at) this.unread += 1;
      this.#counted = message.seq;
    }
  }

  /**
   * A `message_updated`, `message_deleted` or `reaction` of the feed.
   * @returns {boolean} false: its message is not known here
   */
  revise(change) {
    const known = this.find(change.message_id);
    if (!known) return false;
    if (change.mode !== "me" && versionOf(known) >= change.version) return true;
    const next = revised(known, change);
    this.#put(known, next && { ...next, version: change.version });
    if (change.type === "message_deleted") this.#uncount(known);
    return true;
  }

  /** Takes the change for done: the server has said so, and its frame is on the way. */
  settle(change, versionBefore) {
    const known = this.find(change.message_id);
    if (known && versionOf(known) === versionBefore) this.#put(known, revised(known, change));
  }

  /** The message, loaded or quoted. @param {number} messageId @returns {Message|null|undefined} */
  find(messageId) {
    if (this.#last?.message_id === messageId) return this.thread.find(messageId) ?? this.#last;
    return this.thread.find(messageId) ?? this.quotes.get(messageId);
  }

  /** The message with what is hoped for it; null: deleted. @param {Message} message */
  shown(message) {
    const hoped = this.hoped.get(message.message_id);
    if (!hoped) return message;
    const next = hoped.reduce((last, change) => last && revised(last, change), message);
    return next && { ...next, changing: true };
  }

  /** This user hides everything up to there. */
  clear(seq) {
    for (const message of [...this.thread.items]) {
      if (message.seq <= seq) this.#put(message, null);
    }
    if (this.#last?.seq <= seq) this.#last = null;
    this.quotes.clear();
    if (seq >= this.#counted) this.unread = 0;
    if (seq >= this.lastSeq) this.hasMore = false;
  }

  /** Moves a member's marks forward, never back. */
  advance(userId, delivered, read) {
    const [wasDelivered, wasRead] = this.#marksOf(userId);
    const nowRead = Math.max(wasRead, read);
    this.#marks.set(userId, [Math.max(wasDelivered, delivered, nowRead), nowRead]);
    if (userId === this.#me && nowRead > wasRead) this.#recount(nowRead);
  }

  /** The user has seen the end. */
  markRead() {
    this.advance(this.#me, this.lastSeq, this.lastSeq);
    this.unread = 0;
  }

  /** @returns {"pending"|"failed"|"sent"|"delivered"|"read"} */
  statusOf(item) {
    if (item.failed) return "failed";
    if (!item.seq) return "pending";
    if (this.isSaved) return "sent";
    const [delivered, read] = this.#marksOf(this.peer.user_id);
    if (item.seq <= read) return "read";
    return item.seq <= delivered ? "delivered" : "sent";
  }

  /** No longer waiting for it. */
  drop(clientId) {
    this.pending = this.pending.filter(({ client_id }) => client_id !== clientId);
  }

  /** What was loaded may have holes: load it again. */
  forget() {
    this.#generation += 1;
    this.thread.clear();
    this.quotes.clear();
    this.loaded = this.loading = this.hasMore = false;
  }

  #marksOf(userId) {
    return this.#marks.get(userId) ?? [0, 0];
  }

  #put(known, next) {
    const { message_id } = known;
    this.thread.replace(known, next);
    if (this.quotes.has(message_id)) this.quotes.set(message_id, next);
    if (this.#last?.message_id === message_id) this.#last = next ?? this.thread.items.at(-1) ?? null;
  }

  #remember(message) {
    if (message.sender_id === this.#me) this.drop(message.client_id);
    if (this.#isNewer(message)) this.#last = message;
    this.lastSeq = Math.max(this.lastSeq, message.seq);
  }

  #isNewer(message) {
    const last = this.#last;
    if (!last || message.seq !== last.seq) return message.seq > (last?.seq ?? 0);
    return versionOf(message) > versionOf(last);
  }

  /** An unread message that is no longer there is not unread. */
  #uncount({ seq, sender_id, deleted_at }) {
    const [, read] = this.#marksOf(this.#me);
    const counted = sender_id !== this.#me && !deleted_at && seq > read && seq <= this.#counted;
    if (counted) this.unread = Math.max(0, this.unread - 1);
  }

  #recount(read) {
    const [first] = this.thread.items;
    if (read >= this.#counted) this.unread = 0;
    else if (first && first.seq <= read + 1) {
      const isUnread = ({ seq, sender_id, deleted_at }) =>
        seq > read && sender_id !== this.#me && !deleted_at;
      this.unread = this.thread.items.filter(isUnread).length;
    } else this.unread = Math.min(this.unread, this.#counted - read);
  }
}
