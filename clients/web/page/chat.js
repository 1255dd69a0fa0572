// Owns what is known of one conversation: its messages, its marks, what is unread and unsent.

/** @typedef {import("../sdk/outbox.js").OutboxItem} OutboxItem */
/**
 * @typedef {{message_id: number, conversation_id: string, seq: number, sender_id: string,
 *            client_id: string, content: string, created_at: string}} Message
 */

/**
 * Everything it takes in may come twice and in any order, but for the other side's messages, which
 * the feed delivers in theirs.
 */
export class Chat {
  peer;
  /** @type {string|null} unknown until somebody has written */
  conversationId = null;
  /** Oldest first and without holes, once `loaded`. @type {Message[]} */
  messages = [];
  /** @type {OutboxItem[]} */
  pending = [];
  /** Place in the inbox, highest first: given by the server's order and by what happens here. */
  order = null;
  hasMore = false;
  loaded = false;
  loading = false;
  error = "";
  unread = 0;
  lastSeq = 0;
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

  /** The newest thing said, sent or not. @returns {Message|OutboxItem|null} */
  get preview() {
    return this.pending.at(-1) ?? this.#last;
  }

  /** Changes when what was loaded became void. */
  get generation() {
    return this.#generation;
  }

  /** A line of the inbox as the server tells it. */
  take(summary) {
    this.conversationId = summary.conversation_id;
    this.peer = summary.peer;
    this.#marks.set(this.peer.user_id, this.#marksOf(this.peer.user_id));
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
    if (this.loaded || this.loading) this.#insert(message);
    this.#remember(message);
    const [, read] = this.#marksOf(this.#me);
    if (message.sender_id !== this.#me && message.seq > Math.max(this.#counted, read)) {
      this.unread += 1;
      this.#counted = message.seq;
    }
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
    this.messages = [];
    this.loaded = this.loading = this.hasMore = false;
  }

  #marksOf(userId) {
    return this.#marks.get(userId) ?? [0, 0];
  }

  #insert(message) {
    const { messages } = this;
    let place = messages.length;
    while (place && messages[place - 1].seq > message.seq) place -= 1;
    if (messages[place - 1]?.seq !== message.seq) messages.splice(place, 0, message);
  }

  #remember(message) {
    if (message.sender_id === this.#me) this.drop(message.client_id);
    if (message.seq >= this.lastSeq) this.#last = message;
    this.lastSeq = Math.max(this.lastSeq, message.seq);
  }

  #recount(read) {
    const [first] = this.messages;
    if (read >= this.#counted) this.unread = 0;
    else if (first && first.seq <= read + 1) {
      const isUnread = ({ seq, sender_id }) => seq > read && sender_id !== this.#me;
      this.unread = this.messages.filter(isUnread).length;
    } else this.unread = Math.min(this.unread, this.#counted - read);
  }
}
