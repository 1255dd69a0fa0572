// Owns what this page knows of the user's conversations, and keeps it true to the feed.

import { Directory } from "./directory.js";
import { Groups } from "./groups.js";
import { History } from "./history.js";
import { Hopes } from "./hopes.js";
import { Pace } from "./pace.js";
import { answered, Together } from "./together.js";
import { Unsent } from "./unsent.js";

/** @typedef {import("../linkup-client.js").LinkupClient} LinkupClient */
/** @typedef {import("./chat.js").Chat} Chat */

const INBOX_PAGE = 50;
const REFRESH_MS = 1_000; // many events may each call for it
const FEED = ["message", "message_updated", "message_deleted", "reaction", "receipt", "conversation"];

/** Emits `change`, with the chat as `detail`, or null when all may have changed; `left`. */
export class Chats extends EventTarget {
  me;
  loaded = false;
  /** The place where the inbox goes on, or null at its end. @type {number|null} */
  next = null;
  /** The changes of messages by this user. @type {Hopes} */
  hopes;
  /** @type {History} */
  history;
  #client;
  #again;
  #directory;
  #lookups;
  #refreshing = new Pace(() => this.#again.until(() => this.load()).catch(() => {}), REFRESH_MS);
  #recounting = new Pace(() => this.#again.until(() => this.#countBeyond()).catch(() => {}), REFRESH_MS);
  #groups;
  #unsent;
  #held = []; // feed frames that arrive during a resync
  #strange = new Map(); // conversation id → its messages, until it is known whose it is
  #resyncs = 0; // how many are going on
  #beyond = 0; // unread in conversations that are not loaded

  /** @param {{client: LinkupClient, again: import("./again.js").Again}} options */
  constructor({ client, again }) {
    super();
    this.#client = client;
    this.#again = again;
    this.#lookups = new Together({ ask: (ids) => this.#lookUp(ids), again });
    this.me = client.userId;
    this.#directory = new Directory(this.me);
    const change = (chat) => this.#changed(chat);
    const locate = (chat) => this.#locate(chat);
    const message = (chat, one) => this.#add(chat, one);
    this.history = new History({ api: client.api, again, on: { locate, message, change } });
    const fetch = (conversationId) => this.fetch(conversationId);
    const [raise, left] = [(chat) => this.raise(chat), (chat) => this.#leave(chat)];
    const { me, names } = this;
    this.#groups = new Groups({ api: client.api, again, me, names, on: { fetch, change, raise, left } });
    this.hopes = new Hopes({ client, onChange: change });
    const onNew = () => this.refresh(); // for the name
    this.#unsent = new Unsent({ client, directory: this.#directory, onChange: change, onNew });
    for (const type of FEED) client.addEventListener(type, ({ detail }) => this.#feed(detail));
    client.addEventListener("typing", ({ detail }) => this.#typing(detail));
  }

  /** Returns all chats, newest first. @returns {Chat[]} */
  get inbox() {
    return this.#directory.written;
  }

  /** Counts what is unread outside muted and archived conversations. */
  get unread() {
    const heard = this.#directory.written.filter(({ muted, archived }) => !muted && !archived);
    return heard.reduce((sum, chat) => sum + chat.unread, this.#beyond);
  }

  /** Returns the names that this page knows, by user id. @returns {Map<string, string>} */
  get names() {
    return this.#directory.names;
  }

  /** Returns the chat of that key, known or new. @param {string} key @returns {Chat} */
  at(key) {
    return this.#directory.at(key);
  }

  /** Returns the chat to which a message goes. @returns {Chat} */
  addressed({ to, conversation_id }) {
    return to === undefined ? this.#directory.group(conversation_id) : this.#directory.with(to);
  }

  /** Shows again what is still unsent from an earlier page. */
  async restore() {
    for (const item of await this.#client.unsent()) this.#unsent.queued(item);
  }

  /** Takes the newest page of the inbox. @returns {Promise<{epoch: string, cursor: number}>} */
  async load() {
    const asked = this.moment();
    const page = await this.#client.api.conversations({ limit: INBOX_PAGE });
    this.#takeInbox(page, asked, false);
    this.loaded = true;
    this.#changed(null);
    this.#recounting.ask();
    return { epoch: page.epoch, cursor: page.cursor };
  }

  /** Does what `load` does, where nothing waits for it. */
  refresh() {
    this.#refreshing.ask();
  }

  /** Goes on down the inbox. */
  async more() {
    if (this.next === null) return;
    const before = this.next;
    const asked = this.moment();
    this.#takeInbox(await this.#client.api.conversations({ limit: INBOX_PAGE, before }), asked, true);
    this.#recounting.ask();
    this.#changed(null);
  }

  /** Begins anew after events were lost for good: what was loaded may have holes. */
  async resync() {
    this.#resyncs += 1; // until the snapshot is there, a live frame would hide what is missing
    try {
      for (const chat of this.#directory.all) chat.forget();
      const position = await this.load();
      this.#meetAgain();
      return position;
    } finally {
      this.#resyncs -= 1;
      if (!this.#resyncs) this.#release();
    }
  }

  /** Takes in a conversation that was asked for, perhaps with others. @returns {Promise<Chat>} */
  async fetch(conversationId) {
    const found = await this.#lookups.want(conversationId);
    if (!found) throw new Error("This conversation does not exist");
    const chat = this.take(found.summary, found.asked);
    this.#changed(chat);
    return chat;
  }

  /** Returns the present moment, for what is asked now. @returns {number} */
  moment() {
    return this.#directory.moments.next();
  }

  /**
   * Takes in a conversation as an answer tells it.
   * @param {any} summary @param {number} asked the moment of the question @returns {Chat}
   */
  take(summary, asked) {
    const chat = this.#directory.take(summary, asked);
    if (chat.unread) this.#client.delivered(chat.conversationId, chat.lastSeq);
    return chat;
  }

  /** Returns the chat of a conversation, known or asked for. @returns {Promise<Chat>} */
  async of(conversationId) {
    return this.#directory.find(conversationId) ?? this.fetch(conversationId);
  }

  /** Learns who is in a group. @param {Chat} chat */
  meetMembers(chat) {
    return this.#groups.meet(chat);
  }

  /** Notes that the user has seen the end of the chat. @param {Chat} chat */
  read(chat) {
    if (!chat.unread || !chat.conversationId) return;
    const beyond = !chat.isListed && !chat.muted && !chat.archived;
    if (beyond) this.#beyond = Math.max(0, this.#beyond - chat.unread);
    this.#client.read(chat.conversationId, chat.lastSeq);
    chat.markRead();
    this.#changed(chat);
  }

  /** Puts it on top of the inbox. @param {Chat} chat */
  raise(chat) {
    if (!chat.isListed) this.#recounting.ask();
    this.#directory.toTop(chat);
    this.#changed(chat);
  }

  /** Tells that something about the chat was changed from outside. */
  touched(chat) {
    this.#changed(chat);
  }

  /** Learns which conversation it is with that person, if it is one yet: it may be far down the inbox. */
  async #locate(chat) {
    const asked = this.moment();
    const { conversations } = await this.#client.api.conversations({ peer: chat.peer.user_id });
    for (const summary of conversations) this.take(summary, asked);
  }

  async #lookUp(ids) {
    const asked = this.moment();
    const { conversations, next } = await this.#client.api.conversations({ ids });
    const found = new Map(conversations.map((summary) => [summary.conversation_id, { summary, asked }]));
    return next ? found : answered(ids, found);
  }

  async #countBeyond() {
    const known = () => this.unread - this.#beyond;
    const before = known();
    const all = this.next === null ? before : (await this.#client.api.unread()).unread_count;
    if (known() !== before) this.#recounting.ask(); // the answer may be older or newer than that
    else this.#beyond = Math.max(0, all - before);
    this.#changed(null);
  }

  #takeInbox({ conversations, next }, asked, goesOn) {
    if (goesOn || !this.loaded) this.next = next ?? null;
    for (const [place, summary] of conversations.entries()) {
      const chat = this.take(summary, asked);
      if (goesOn) this.#directory.toBottom(chat);
      else this.#directory.toTop(chat, asked - place / conversations.length); // later than all before
    }
  }

  /** Asks for one after the other: it may be many. */
  async #meetAgain() {
    const met = this.#directory.all.filter(({ members }) => members.size);
    for (const chat of met) await this.#groups.meetAgain(chat);
  }

  /** All that was held: to take in a frame twice changes nothing. */
  #release() {
    const held = this.#held;
    this.#held = [];
    for (const frame of held) this.#feed(frame);
  }

  #feed(frame) {
    if (this.#resyncs) return this.#held.push(frame);
    const chat = this.#directory.find(frame.conversation_id);
    if (!chat?.isListed && this.next !== null && this.#isAboutCount(frame)) this.#recounting.ask();
    if (frame.type === "message") this.#message(frame, chat);
    else if (frame.type === "conversation") this.#conversation(frame, chat);
    else if (chat) this.#event(frame, chat);
  }

  /** Muted, archived, cleared or read, on another device perhaps. */
  #isAboutCount({ type, user_id }) {
    return type === "conversation" || (type === "receipt" && user_id === this.me);
  }

  #message(message, chat) {
    if (!chat) return this.#meet(message); // with whom, or which group?
    chat.keep({ archived: false });
    this.#add(chat, message);
    if (message.sender_id !== this.me) this.#client.delivered(chat.conversationId, message.seq);
    this.raise(chat);
  }

  /** One question for all that comes meanwhile: with some of it lost the thread had a hole. */
  #meet(frame) {
    const { conversation_id } = frame;
    const waiting = this.#strange.get(conversation_id);
    if (waiting) return waiting.push(frame);
    this.#strange.set(conversation_id, [frame]);
    this.fetch(conversation_id).then(
      () => this.#met(conversation_id).forEach((one) => this.#feed(one)),
      () => this.#met(conversation_id) && this.refresh(),
    );
  }

  #met(conversationId) {
    const waiting = this.#strange.get(conversationId);
    this.#strange.delete(conversationId);
    return waiting;
  }

  #event(frame, chat) {
    if (frame.type === "receipt") chat.advance(frame.user_id, frame.delivered_seq, frame.read_seq);
    else this.#revise(frame, chat);
    this.#changed(chat);
  }

  /** The inbox knows what is unread, and what is last, where the page has not loaded it. */
  #revise(frame, chat) {
    const known = chat.revise(frame);
    const gone = frame.type === "message_deleted";
    if (gone && (!known || !chat.preview)) this.refresh();
  }

  #conversation(frame, chat) {
    if (chat && frame.member_count) {
      const { archived, muted, blocked = false } = frame;
      chat.keep({ archived, muted, blocked });
      chat.clear(frame.cleared_seq);
      if (frame.change === "cleared") chat.notices.clear();
    }
    if (frame.kind === "group") this.#groups.take(frame, chat);
    else if (chat) this.#changed(chat);
  }

  #leave(chat) {
    this.#directory.drop(chat);
    this.dispatchEvent(new CustomEvent("left", { detail: chat }));
    this.#changed(null);
  }

  #typing({ conversation_id, user_id, is_typing }) {
    const chat = this.#directory.find(conversation_id);
    if (!chat) return;
    if (is_typing) chat.typists.add(user_id);
    else chat.typists.delete(user_id);
    this.#changed(chat);
  }

  #add(chat, message) {
    if (message.sender_id === this.me) this.#unsent.settled(message.client_id);
    chat.add(message);
  }

  #changed(chat) {
    this.dispatchEvent(new CustomEvent("change", { detail: chat }));
  }
}
