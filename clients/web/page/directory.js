// Owns which conversations are known, by person and by id, and their order in the inbox.

import { Chat } from "./chat.js";

export class Directory {
  #me;
  #byPeer = new Map();
  #byId = new Map();
  #top = 0;
  #bottom = 0;

  /** @param {string} me */
  constructor(me) {
    this.#me = me;
  }

  /** @returns {Chat[]} */
  get all() {
    return [...this.#byPeer.values()];
  }

  /** Newest first; without those that nobody has written in yet. @returns {Chat[]} */
  get written() {
    return this.all.filter((chat) => chat.preview).sort((a, b) => b.order - a.order);
  }

  /** The chat with somebody, known or new. @param {string} userId @returns {Chat} */
  with(userId) {
    if (!this.#byPeer.has(userId)) this.#byPeer.set(userId, new Chat(this.#me, userId));
    return this.#byPeer.get(userId);
  }

  /** @param {string} conversationId @returns {Chat|undefined} */
  find(conversationId) {
    return this.#byId.get(conversationId);
  }

  /** That conversation is this chat. */
  adopt(chat, conversationId) {
    chat.conversationId = conversationId;
    this.#byId.set(conversationId, chat);
    return chat;
  }

  toTop(chat) {
    chat.order = ++this.#top;
  }

  /** Below all the others, unless it has its place. */
  toBottom(chat) {
    chat.order ??= --this.#bottom;
  }
}
