// Owns what is known of one conversation: its messages, its marks, what is unread and unsent.

import { Marks } from "./marks.js";
import { Known, Moments } from "./moments.js";
import { plainName } from "./names.js";
import { Notices } from "./notices.js";
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
  /** The other side of a direct conversation. @type {{user_id: string, name: string}|null} */
  peer = null;
  /** Everybody in a group by user id, once they are known. */
  members = new Map();
  memberCount = 0;
  /** What happened to a group. */
  notices = new Notices();
  /** What this user may do in a group; null: no longer a member. */
  role = null;
  /** @type {string|null} unknown until somebody has written */
  conversationId = null;
  /** The messages, without holes once `loaded`. */
  thread = new Thread();
  /** @type {OutboxItem[]} */
  pending = [];
  /** The changes that the server has not confirmed, by message id, as the feed will tell them. */
  hoped = new Map();
  /** The messages that others answer and that are not loaded; null: not to be had. */
  quotes = new Map();
  /** Who is typing now. @type {Set<string>} */
  typists = new Set();
  /** The place in the inbox, highest first: given by the server's order and by what happens here. */
  order = null;
  hasMore = false;
  loaded = false;
  loading = false;
  error = "";
  unread = 0;
  lastSeq = 0;
  archived = false;
  muted = false;
  /** Whether this user has blocked the other side of a direct conversation. */
  blocked = false;
  /** Whether there is no such person, as far as the server says. */
  #absent = false;
  #me;
  #names;
  #groupTitle = "";
  #last = null;
  #counted = 0; // up to which seq the other side's messages are in `unread`
  #cleared = 0; // up to which seq all is hidden from this user
  #early = []; // changes of messages that are perhaps being loaded
  #moments;
  #known = new Known();
  #marks;
  #generation = 0;

  /**
   * @param {{me: string, names: Map<string, string>, moments?: Moments, peerId?: string,
   *          conversationId?: string}} of
   *        whom (a direct one) or which (a group); `names`: those of all people known; `moments`:
   *        those of the page
   */
  constructor({ me, names, moments = new Moments(), peerId, conversationId = null }) {
    this.#me = me;
    this.#moments = moments;
    this.#names = names;
    this.#marks = new Marks(me);
    this.conversationId = conversationId;
    if (peerId !== undefined) this.peer = { user_id: peerId, name: names.get(peerId) ?? peerId };
  }

  get isGroup() {
    return this.peer === null;
  }

  get isSaved() {
    return this.peer?.user_id === this.#me;
  }

  /** Returns whether there is nobody at the other side, and nothing that was to be sent there. */
  get isWithNobody() {
    return this.#absent && !this.conversationId && !this.pending.length;
  }

  /**
   * What the server says of the other side.
   * @param {{user_id: string, name: string|null, avatar: string|null}|null} person null: nobody
   */
  meet(person) {
    this.#absent = person === null;
    if (!person?.name) return;
    this.peer = person;
    this.#names.set(person.user_id, person.name);
  }

  /** Returns whether it is in the inbox, not only in an address. */
  get isListed() {
    return this.order !== null;
  }

  /** Returns how far this user has read. */
  get readSeq() {
    return this.#marks.of(this.#me)[1];
  }

  /** Returns what the page calls it by: a user id, or what no user id can be. */
  get key() {
    return this.peer ? this.peer.user_id : groupKey(this.conversationId);
  }

  /** Returns the address of the chat as a message has it. */
  get target() {
    return this.peer ? { to: this.peer.user_id } : { conversation_id: this.conversationId };
  }

  /** Returns whose picture stands for it. */
  get face() {
    return this.peer ?? { user_id: this.conversationId, name: this.writtenTitle };
  }

  get title() {
    if (!this.peer) return plainName(this.writtenTitle);
    return this.isSaved ? "Saved messages" : plainName(this.peer.name || this.peer.user_id);
  }

  /** Returns the title of a group. */
  get writtenTitle() {
    return this.#groupTitle || "Group";
  }

  /** Returns what to call somebody. @param {string} userId */
  nameOf(userId) {
    return userId === this.peer?.user_id ? this.title : plainName(this.#names.get(userId) ?? userId);
  }

  /** Returns the messages as a person sees them: with the changes that are on their way. @returns {Message[]} */
  get messages() {
    return this.thread.items.map((message) => this.shown(message)).filter(Boolean);
  }

  /** Returns the newest thing said, sent or not. @returns {Message|OutboxItem|null} */
  get preview() {
    return this.pending.at(-1) ?? (this.#last && this.shown(this.#last));
  }

  /** Changes when what was loaded became void. */
  get generation() {
    return this.#generation;
  }

  /**
   * Takes in a line of the inbox as the server tells it, except for what was told since it was asked.
   * @param {any} summary @param {number} asked the moment of the question
   */
  take(summary, asked = this.#moments.next()) {
    const { archived, muted, blocked = false } = summary;
    this.conversationId = summary.conversation_id;
    if (this.peer) this.peer = summary.peer;
    else this.takeGroup(summary, asked);
    this.keep({ archived, muted, blocked }, asked);
    this.lastSeq = Math.max(this.lastSeq, summary.last_seq);
    if (summary.last_message?.seq > this.#cleared) this.#remember(summary.last_message);
    this.#marks.raise(summary.peer_delivered_seq, summary.peer_read_seq);
    this.advance(this.#me, summary.delivered_seq, summary.read_seq);
    if (summary.last_seq < this.#counted || !this.#known.takes("unread", asked)) return;
    this.#counted = summary.last_seq;
    const [, read] = this.#marks.of(this.#me); // may be ahead of what the server had heard by then
    this.unread = Math.min(summary.unread_count, Math.max(0, summary.last_seq - read));
  }

  /**
   * Takes in how this user keeps it, as it was at that moment.
   * @param {{archived?: boolean, muted?: boolean, blocked?: boolean}} how
   */
  keep(how, moment = this.#moments.next()) {
    for (const [name, value] of Object.entries(how)) {
      if (this.#known.takes(name, moment)) this[name] = value;
    }
  }

  /** Takes in what is said of a group, by the inbox or by the feed, as it was at that moment. */
  takeGroup({ title, role, member_count }, moment = this.#moments.next()) {
    if (!this.#known.takes("group", moment)) return;
    if (title) this.#groupTitle = title;
    this.role = member_count ? (role ?? this.role) : null;
    this.memberCount = member_count;
  }

  /**
   * Everybody in it.
   * @param {{user_id: string, role: string, delivered_seq: number, read_seq: number}[]} members
   */
  takeMembers(members) {
    this.members = new Map(members.map((member) => [member.user_id, member]));
    this.role = this.members.get(this.#me)?.role ?? null;
    for (const { user_id, delivered_seq, read_seq } of members) {
      this.advance(user_id, delivered_seq, read_seq);
    }
  }

  /** @param {Message} message */
  add(message) {
    if (message.sender_id === this.#me) this.drop(message.client_id);
    if (message.seq <= this.#cleared) return;
    if (message.seq === 1) this.loaded = true; // there is nothing before it
    if (this.loaded || this.loading) this.thread.add(message);
    this.#remember(message);
    const [, read] = this.#marks.of(this.#me);
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
    if (!known && this.loading) this.#early.push(change);
    if (!known) return false;
    if (change.mode !== "me" && versionOf(known) >= change.version) return true;
    const next = revised(known, change);
    this.#put(known, next && { ...next, version: change.version });
    if (change.type === "message_deleted") this.#uncount(known);
    return true;
  }

  /** Makes the changes that came before their messages were loaded, whose page may be older. */
  catchUp() {
    const early = this.#early;
    this.#early = [];
    for (const change of early) if (this.find(change.message_id)) this.revise(change);
  }

  /** Takes the change for done: the server has said so, and its frame is on the way. */
  settle(change, versionBefore) {
    const known = this.find(change.message_id);
    if (known && versionOf(known) === versionBefore) this.#put(known, revised(known, change));
  }

  /** Returns the message, loaded or quoted. @param {number} messageId @returns {Message|null|undefined} */
  find(messageId) {
    if (this.#last?.message_id === messageId) return this.thread.find(messageId) ?? this.#last;
    return this.thread.find(messageId) ?? this.quotes.get(messageId);
  }

  /** Returns the message with what is hoped for it; null: deleted. @param {Message} message */
  shown(message) {
    const hoped = this.hoped.get(message.message_id);
    if (!hoped) return message;
    const next = hoped.reduce((last, change) => last && revised(last, change), message);
    return next && { ...next, changing: true };
  }

  /** Hides everything up to there. */
  clear(seq) {
    if (!(seq > this.#cleared)) return;
    this.#cleared = seq;
    this.#known.takes("unread", this.#moments.next());
    this.quotes.clear();
    for (const message of [...this.thread.items]) {
      if (message.seq <= seq) this.#put(message, null);
    }
    if (this.#last?.seq <= seq) this.#last = null;
    if (seq >= this.#counted) this.unread = 0;
    if (seq >= this.lastSeq) this.hasMore = false;
  }

  /** Moves a member's marks forward, never back. */
  advance(userId, delivered, read) {
    const moved = this.#marks.advance(userId, delivered, read);
    if (userId === this.#me && moved) this.#recount(this.#marks.of(userId)[1]);
  }

  /** Notes that the user has seen the end. */
  markRead() {
    this.advance(this.#me, this.lastSeq, this.lastSeq);
    this.unread = 0;
  }

  /** @returns {"pending"|"failed"|"sent"|"delivered"|"read"} */
  statusOf(item) {
    if (item.failed) return "failed";
    if (!item.seq) return "pending";
    if (this.isSaved) return "sent";
    const [delivered, read] = this.#marks.ofAll(this.peer ? [this.peer.user_id] : this.members.keys());
    if (item.seq <= read) return "read";
    return item.seq <= delivered ? "delivered" : "sent";
  }

  /** Waits for a message no longer. */
  drop(clientId) {
    this.pending = this.pending.filter(({ client_id }) => client_id !== clientId);
  }

  /** Lets everything be loaded again, since it may have holes. */
  forget() {
    this.#generation += 1;
    this.thread.clear();
    this.quotes.clear();
    this.notices.clear();
    this.loaded = this.loading = this.hasMore = false;
    this.#cleared = 0;
    this.#early = [];
  }

  #put(known, next) {
    const { message_id } = known;
    this.thread.replace(known, next);
    if (!next || this.quotes.has(message_id)) this.quotes.set(message_id, next);
    if (this.#last?.message_id === message_id) this.#last = next ?? this.thread.items.at(-1) ?? null;
  }

  /** What is pending stays so: this may come of the inbox, which fills no hole in the thread. */
  #remember(message) {
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
    const [, read] = this.#marks.of(this.#me);
    const counted = sender_id !== this.#me && !deleted_at && seq > read && seq <= this.#counted;
    if (!counted) return;
    this.unread = Math.max(0, this.unread - 1);
    this.#known.takes("unread", this.#moments.next());
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

/** A slash is in no user id. @param {string} conversationId */
export const groupKey = (conversationId) => `/${conversationId}`;
