// Owns what this page knows of the user's conversations, and keeps it true to the feed.

import { Directory } from "./directory.js";
import { Hopes } from "./hopes.js";
import { Unsent } from "./unsent.js";

/** @typedef {import("../linkup-client.js").LinkupClient} LinkupClient */
/** @typedef {import("./chat.js").Chat} Chat */

const INBOX_PAGE = 50;
const FIRST_PAGE = 50;
const OLDER_PAGE = 20;
const FAR_PAGE = 100;
const FEED = ["message", "message_updated", "message_deleted", "reaction", "receipt", "conversation"];

/** Emits `change`, with the chat as `detail`, or null when all may have changed. */
export class Chats extends EventTarget {
  me;
  loaded = false;
  /** Where the inbox goes on, or null at its end. @type {number|null} */
  next = null;
  /** What this user changes of messages. @type {Hopes} */
  hopes;
  #client;
  #directory;
  #unsent;
  #groups = new Set(); // conversations that this page does not show
  #held = []; // feed frames that arrive during a resync
  #resyncs = 0; // how many are going on

  /** @param {LinkupClient} client */
  constructor(client) {
    super();
    this.#client = client;
    this.me = client.userId;
    this.#directory = new Directory(this.me);
    const onChange = (chat) => this.#changed(chat);
    this.hopes = new Hopes({ client, onChange });
    const onNew = () => this.#refresh(); // for the name
    this.#unsent = new Unsent({ client, directory: this.#directory, onChange, onNew });
    for (const type of FEED) client.addEventListener(type, ({ detail }) => this.#feed(detail));
    client.addEventListener("typing", ({ detail }) => this.#typing(detail));
  }

  /** Newest first. @returns {Chat[]} */
  get inbox() {
    return this.#directory.written;
  }

  get unread() {
    return this.inbox.reduce((sum, chat) => sum + chat.unread, 0);
  }

  /** The chat with somebody, known or new. @param {string} userId @returns {Chat} */
  with(userId) {
    return this.#directory.with(userId);
  }

  /** Shows again what is still unsent from an earlier page. */
  async restore() {
    for (const item of await this.#client.unsent()) this.#unsent.queued(item);
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
      for (const chat of this.#directory.all) chat.forget();
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
  async older(chat, limit = OLDER_PAGE) {
    if (!chat.loaded || chat.loading || !chat.hasMore) return;
    await this.#page(chat, { limit, before_id: chat.thread.items[0].message_id });
  }

  /** Loads back to that message. @param {Chat} chat @returns {Promise<boolean>} if it is there */
  async reach(chat, messageId) {
    while (!chat.thread.find(messageId) && chat.hasMore && !chat.error) {
      const [first] = chat.thread.items;
      await this.older(chat, FAR_PAGE);
      if (chat.thread.items[0] === first) break; // another load is under way
    }
    return Boolean(chat.thread.find(messageId));
  }

  /** Looks up a message that others answer; it is in `chat.quotes` then. @param {Chat} chat */
  async quote(chat, messageId) {
    if (chat.quotes.has(messageId)) return;
    chat.quotes.set(messageId, undefined);
    const message = await this.#lookUp(chat, messageId).catch(() => null);
    chat.quotes.set(messageId, message ?? null);
    this.#changed(chat);
  }

  /** The user has seen the end of the chat. @param {Chat} chat */
  read(chat) {
    if (!chat.unread || !chat.conversationId) return;
    this.#client.read(chat.conversationId, chat.lastSeq);
    chat.markRead();
    this.#changed(chat);
  }

  /** There is no route for one message, but for those before and behind another one. */
  async #lookUp({ conversationId }, messageId) {
    const behind = await this.#client.messages(conversationId, { after_id: messageId, limit: 1 });
    const before_id = behind.messages[0]?.message_id;
    const { messages } = await this.#client.messages(conversationId, { before_id, limit: 1 });
    return messages.find(({ message_id }) => message_id === messageId);
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
    const direct = conversations.filter(({ kind }) => kind === "direct");
    const chats = direct.map((summary) => this.#takeLine(summary));
    if (goesOn) for (const chat of chats) this.#directory.toBottom(chat);
    else for (const chat of chats.reverse()) this.#directory.toTop(chat);
  }

  #takeLine(summary) {
    const chat = this.#directory.adopt(this.with(summary.peer.user_id), summary.conversation_id);
    chat.take(summary);
    if (chat.unread) this.#client.delivered(chat.conversationId, chat.lastSeq);
    return chat;
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
    else this.#event(frame, this.#directory.find(frame.conversation_id));
  }

  #event(frame, chat) {
    if (!chat) return;
    if (frame.type === "receipt") chat.advance(frame.user_id, frame.delivered_seq, frame.read_seq);
    else if (frame.type === "conversation") this.#settings(frame, chat);
    else this.#revise(frame, chat);
    this.#changed(chat);
  }

  #message(message) {
    if (this.#groups.has(message.conversation_id)) return;
    const chat = this.#directory.find(message.conversation_id);
    if (!chat) return this.#meet(message).catch(() => this.#refresh());
    chat.archived = false;
    this.#add(chat, message);
    if (message.sender_id !== this.me) this.#client.delivered(chat.conversationId, message.seq);
    this.#directory.toTop(chat);
    this.#changed(chat);
  }

  /** The first message of a conversation this page has not seen: with a person, or in a group? */
  async #meet(message) {
    const { conversation } = await this.#client.conversation(message.conversation_id);
    if (conversation.kind === "direct") this.#takeLine(conversation);
    else this.#groups.add(message.conversation_id);
    this.#feed(message);
  }

  /** The inbox knows what is unread, and what is last, where the page has not loaded it. */
  #revise(frame, chat) {
    const known = chat.revise(frame);
    const gone = frame.type === "message_deleted";
    if (gone && (!known || !chat.preview)) this.#refresh();
  }

  #settings({ archived, muted, cleared_seq }, chat) {
    Object.assign(chat, { archived, muted });
    chat.clear(cleared_seq);
  }

  #typing({ conversation_id, user_id, is_typing }) {
    const chat = this.#directory.find(conversation_id);
    if (!chat) return;
    if (is_typing) chat.typists.add(user_id);
    else chat.typists.delete(user_id);
    this.#changed(chat);
  }

  #refresh() {
    this.load().catch(() => {}); // the next event, or the next page, tries again
  }

  #add(chat, message) {
    if (message.sender_id === this.me) this.#unsent.settled(message.client_id);
    chat.add(message);
  }

  #changed(chat) {
    this.dispatchEvent(new CustomEvent("change", { detail: chat }));
  }
}
