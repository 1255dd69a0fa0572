// Owns what this page knows of the user's conversations, and keeps it true to the feed.

import { Chat } from "./chat.js";

/** @typedef {import("../linkup-client.js").LinkupClient} LinkupClient */

const INBOX_PAGE = 50;
const FIRST_PAGE = 50;
const OLDER_PAGE = 20;

/** Emits `change`, with the chat as `detail`, or null when all may have changed. */
export class Chats extends EventTarget {
  me;
  loaded = false;
  /** Where the inbox goes on, or null at its end. @type {number|null} */
  next = null;
  #client;
  #byPeer = new Map();
  #byId = new Map();
  #groups = new Set(); // conversations that this page does not show
  #settled = new Set();
  #held = []; // feed frames that arrive during a resync
  #resyncs = 0; // how many are going on
  #top = 0;
  #bottom = 0;

  /** @param {LinkupClient} client */
  constructor(client) {
    super();
    this.#client = client;
    this.me = client.userId;
    for (const type of ["message", "receipt"]) {
      client.addEventListener(type, (event) => this.#feed(event.detail));
    }
    client.addEventListener("queued", (event) => this.#queued(event.detail));
    client.addEventListener("acked", (event) => this.#acked(event.detail));
    client.addEventListener("failed", (event) => this.#failed(event.detail));
    client.addEventListener("discarded", (event) => this.#discarded(event.detail));
  }

  /** Newest first; without those that nobody has written in yet. @returns {Chat[]} */
  get inbox() {
    const written = [...this.#byPeer.values()].filter((chat) => chat.preview);
    return written.sort((a, b) => b.order - a.order);
  }

  get unread() {
    return this.inbox.reduce((sum, chat) => sum + chat.unread, 0);
  }

  /** The chat with somebody, known or new. @param {string} userId @returns {Chat} */
  with(userId) {
    if (!this.#byPeer.has(userId)) this.#byPeer.set(userId, new Chat(this.me, userId));
    return this.#byPeer.get(userId);
  }

  /** Shows again what is still unsent from an earlier page. */
  async restore() {
    for (const item of await this.#client.unsent()) this.#queued(item);
  }

  /** Takes the newest page of the inbox. @returns {Promise<{epoch: string, cursor: number}>} */
  async load() {
    const page = await this.#client.conversations({ limit: INBOX_PAGE });
    this.#takeInbox(page, false);
    this.loaded = true;
    this.#changed(null);
    return { epoch: page.epoch, cursor: page.cursor };
  }

  /** Goes on down the inbox. */
  async more() {
    if (this.next === null) return;
    this.#takeInbox(await this.#client.conversations({ limit: INBOX_PAGE, before: this.next }), true);
    this.#changed(null);
  }

  /** After events were lost for good: what was loaded may have holes. */
  async resync() {
    this.#resyncs += 1; // until the snapshot is there, a live frame would hide what is missing
    try {
      for (const chat of this.#byPeer.values()) chat.forget();
      return await this.load();
    } finally {
      this.#resyncs -= 1;
      if (!this.#resyncs) this.#release();
    }
  }

  /** Loads the newest messages, once. What goes wrong is in `chat.error`. @param {Chat} chat */
  async open(chat) {
    if (chat.loaded || chat.loading) return;
    chat.error = "";
    await this.#page(chat, { limit: FIRST_PAGE });
  }

  /** @param {Chat} chat */
  async older(chat) {
    if (!chat.loaded || chat.loading || !chat.hasMore) return;
    await this.#page(chat, { limit: OLDER_PAGE, before_id: chat.messages[0].message_id });
  }

  /** The user has seen the end of the chat. @param {Chat} chat */
  read(chat) {
    if (!chat.unread || !chat.conversationId) return;
    this.#client.read(chat.conversationId, chat.lastSeq);
    chat.markRead();
    this.#changed(chat);
  }

  async #page(chat, page) {
    const { generation } = chat;
    chat.loading = true;
    try {
      while (!chat.conversationId && this.next !== null) await this.more();
      if (chat.conversationId) await this.#takePage(chat, generation, page);
    } catch (error) {
      chat.error = error.message;
    }
    if (generation === chat.generation) chat.loading = false;
    this.#changed(chat);
  }

  async #takePage(chat, generation, page) {
    const { messages, has_more } = await this.#client.messages(chat.conversationId, page);
    if (generation !== chat.generation) return;
    for (const message of messages) this.#add(chat, message);
    chat.hasMore = has_more;
    chat.loaded = true;
  }

  #takeInbox({ conversations, next }, goesOn) {
    if (goesOn || !this.loaded) this.next = next ?? null;
    for (const { kind, conversation_id } of conversations) {
      if (kind !== "direct") this.#groups.add(conversation_id);
    }
    const chats = conversations.filter(({ kind }) => kind === "direct").map((summary) => {
      const chat = this.#adopt(this.with(summary.peer.user_id), summary.conversation_id);
      chat.take(summary);
      if (chat.unread) this.#client.delivered(chat.conversationId, chat.lastSeq);
      return chat;
    });
    if (goesOn) for (const chat of chats) chat.order ??= --this.#bottom;
    else for (const chat of chats.reverse()) chat.order = ++this.#top;
  }

  /** All that was held: to take in a frame twice changes nothing. */
  #release() {
    const held = this.#held;
    this.#held = [];
    for (const frame of held) this.#feed(frame);
  }

  #feed(frame) {
    if (this.#resyncs) this.#held.push(frame);
    else if (frame.type === "message") this.#message(frame);
    else this.#receipt(frame);
  }

  #message(message) {
    const { conversation_id, sender_id } = message;
    if (this.#groups.has(conversation_id)) return;
    const chat = this.#byId.get(conversation_id);
    if (!chat && sender_id !== this.me) return this.#meet(message).catch(() => {});
    if (!chat) return this.load().catch(() => {}); // begun on another device: the inbox knows whom
    this.#add(chat, message);
    if (message.sender_id !== this.me) this.#client.delivered(chat.conversationId, message.seq);
    this.#bump(chat);
  }

  /** The first message of a conversation this page has not seen: from a person, or in a group? */
  async #meet(message) {
    const { conversation_id, sender_id } = message;
    const { conversations } = await this.#client.conversations({ peer: sender_id });
    if (conversations[0]?.conversation_id !== conversation_id) {
      this.#groups.add(conversation_id);
    } else {
      this.#adopt(this.with(sender_id), conversation_id).take(conversations[0]);
      this.#feed(message);
    }
  }

  #receipt({ conversation_id, user_id, delivered_seq, read_seq }) {
    const chat = this.#byId.get(conversation_id);
    if (!chat) return;
    chat.advance(user_id, delivered_seq, read_seq);
    this.#changed(chat);
  }

  #queued(item) {
    if (this.#settled.has(item.client_id)) return;
    const chat = item.to === undefined ? this.#byId.get(item.conversation_id) : this.with(item.to);
    if (!chat || chat.pending.some(({ client_id }) => client_id === item.client_id)) return;
    chat.pending.push(item);
    this.#bump(chat);
  }

  #acked(ack) {
    this.#settled.add(ack.client_id);
    const [chat, item] = this.#pendingOf(ack.client_id);
    if (!chat) return;
    const isNew = !chat.conversationId;
    this.#adopt(chat, ack.conversation_id);
    this.#add(chat, { ...ack, content: item.content, sender_id: this.me });
    if (isNew) this.load().catch(() => {}); // for the name
    this.#changed(chat);
  }

  #failed(item) {
    const [chat, pending] = this.#pendingOf(item.client_id);
    if (!chat) return;
    pending.failed = item.failed;
    this.#changed(chat);
  }

  #discarded({ client_id }) {
    const [chat] = this.#pendingOf(client_id);
    if (!chat) return;
    chat.drop(client_id);
    this.#changed(chat);
  }

  #pendingOf(clientId) {
    for (const chat of this.#byPeer.values()) {
      const item = chat.pending.find(({ client_id }) => client_id === clientId);
      if (item) return [chat, item];
    }
    return [null, null];
  }

  #adopt(chat, conversationId) {
    chat.conversationId = conversationId;
    this.#byId.set(conversationId, chat);
    return chat;
  }

  #add(chat, message) {
    if (message.sender_id === this.me) this.#settled.add(message.client_id);
    chat.add(message);
  }

  #bump(chat) {
    chat.order = ++this.#top;
    this.#changed(chat);
  }

  #changed(chat) {
    this.dispatchEvent(new CustomEvent("change", { detail: chat }));
  }
}
