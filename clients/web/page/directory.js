// Owns which conversations are known, by key and by id, and their order in the inbox.

import { Chat, groupKey } from "./chat.js";
import { Moments } from "./moments.js";

export class Directory {
  /** The names of people by user id. @type {Map<string, string>} */
  names = new Map();
  moments = new Moments();
  #me;
  #byKey = new Map();
  #byId = new Map();
  #bottom = 0;

  /** @param {string} me */
  constructor(me) {
    this.#me = me;
  }

  /** @returns {Chat[]} */
  get all() {
    return [...this.#byKey.values()];
  }

  /** Returns the chats, newest first, without those that only an address or a search has named. @returns {Chat[]} */
  get written() {
    return this.all.filter(({ isListed }) => isListed).sort((a, b) => b.order - a.order);
  }

  /** Returns the chat with somebody, known or new. @param {string} userId @returns {Chat} */
  with(userId) {
    return this.#known(userId, { peerId: userId });
  }

  /** Returns a group, known or new. @param {string} conversationId @returns {Chat} */
  group(conversationId) {
    const chat = this.#known(groupKey(conversationId), { conversationId });
    return this.adopt(chat, conversationId);
  }

  /** @param {string} key of a chat, perhaps of an address */
  at(key) {
    return key.startsWith("/") ? this.group(key.slice(1)) : this.with(key);
  }

  /** @param {string} conversationId @returns {Chat|undefined} */
  find(conversationId) {
    return this.#byId.get(conversationId);
  }

  /** Returns the chat of a line of the inbox that was asked for at that moment. @returns {Chat} */
  take(summary, asked = this.moments.next()) {
    const { conversation_id, peer } = summary;
    if (peer?.name) this.names.set(peer.user_id, peer.name);
    const chat = peer ? this.adopt(this.with(peer.user_id), conversation_id) : this.group(conversation_id);
    chat.take(summary, asked);
    return chat;
  }

  /** Notes that a conversation is this chat. */
  adopt(chat, conversationId) {
    chat.conversationId = conversationId;
    this.#byId.set(conversationId, chat);
    return chat;
  }

  /** Notes that this user is no longer in that group. */
  drop(chat) {
    this.#byKey.delete(chat.key);
    this.#byId.delete(chat.conversationId);
  }

  /** Puts it on top, as of that moment: what came there since stays above it. */
  toTop(chat, moment = this.moments.next()) {
    chat.order = Math.max(chat.order ?? moment, moment);
  }

  /** Puts it below all the others, unless it has its place. */
  toBottom(chat) {
    chat.order ??= --this.#bottom;
  }

  #known(key, of) {
    const { names, moments } = this;
    if (!this.#byKey.has(key)) this.#byKey.set(key, new Chat({ me: this.#me, names, moments, ...of }));
    return this.#byKey.get(key);
  }
}
