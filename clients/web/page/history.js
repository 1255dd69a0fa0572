// Owns what is loaded of the conversations: pages of messages, backwards from the newest.

import { answered, Together } from "./together.js";

/** @typedef {import("./chat.js").Chat} Chat */

const FIRST_PAGE = 50;
const OLDER_PAGE = 20;
const FAR_PAGE = 100;

export class History {
  #api;
  #on;
  #again;
  #work = new WeakMap(); // chat → the load that is under way
  #leaving = new WeakMap(); // chat → what ends a load that has to wait
  #quoting = new WeakMap(); // chat → what asks for messages that others answer

  /**
   * @param {{api: any, again: import("./again.js").Again, on: {locate: (chat: Chat) => Promise<void>,
   *          message: (chat: Chat, message: any) => void, change: (chat: Chat) => void}}} options
   *        `locate` finds out which conversation a chat is, if it is one yet
   */
  constructor({ api, again, on }) {
    this.#api = api;
    this.#again = again;
    this.#on = on;
  }

  /**
   * Loads the newest messages, once. What goes wrong is in `chat.error`; if it may pass, the load
   * goes on until it has. @param {Chat} chat
   */
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

  /** Loads it now, since a person wants it. @param {Chat} chat */
  async retry(chat) {
    chat.error = "";
    if (chat.loading) return this.#again.now();
    await this.open(chat);
    await this.older(chat);
  }

  /** Stops loading what has to wait, since nobody looks at the chat any more. @param {Chat} chat */
  leave(chat) {
    this.#leaving.get(chat)?.abort();
  }

  /** Loads back to that message. @param {Chat} chat @returns {Promise<boolean>} if it is there */
  async reach(chat, messageId) {
    await this.open(chat);
    await this.#work.get(chat);
    while (!chat.thread.find(messageId) && chat.hasMore && !chat.error) {
      await this.older(chat, FAR_PAGE);
      await this.#work.get(chat); // perhaps another one's
    }
    return Boolean(chat.thread.find(messageId));
  }

  /** Looks up a message that others answer; it is in `chat.quotes` then. @param {Chat} chat */
  async quote(chat, messageId) {
    if (chat.quotes.has(messageId)) return;
    chat.quotes.set(messageId, undefined);
    const message = await this.#quotesOf(chat).want(messageId).catch(() => null);
    if (!chat.quotes.has(messageId)) return; // forgotten meanwhile: asked anew, if need be
    chat.quotes.set(messageId, message);
    this.#on.change(chat);
  }

  #quotesOf(chat) {
    const ask = (ids) => this.#lookUp(chat, ids);
    if (!this.#quoting.has(chat)) this.#quoting.set(chat, new Together({ ask, again: this.#again }));
    return this.#quoting.get(chat);
  }

  async #lookUp({ conversationId }, ids) {
    const { messages, has_more } = await this.#api.messages(conversationId, { ids });
    const found = new Map(messages.map((message) => [message.message_id, message]));
    return has_more ? found : answered(ids, found);
  }

  #page(chat, page) {
    const work = this.#load(chat, page);
    this.#work.set(chat, work);
    return work;
  }

  async #load(chat, page) {
    const { generation } = chat;
    chat.loading = true;
    const leaving = new AbortController();
    this.#leaving.set(chat, leaving);
    const { signal } = leaving;
    const say = (error) => {
      if (generation !== chat.generation) return; // another load has begun
      chat.error = error;
      this.#on.change(chat);
    };
    const how = { signal, onFailed: ({ message }) => say(message) };
    const loaded = this.#again.until(() => this.#fetch(chat, generation, page), how);
    const error = await loaded.then(() => "", ({ message }) => (signal.aborted ? "" : message));
    if (generation === chat.generation) chat.loading = false;
    say(error);
  }

  async #fetch(chat, generation, page) {
    if (!chat.conversationId) await this.#on.locate(chat);
    if (!chat.conversationId || generation !== chat.generation) return;
    const { messages, has_more } = await this.#api.messages(chat.conversationId, page);
    if (generation !== chat.generation) return;
    for (const message of messages) this.#on.message(chat, message);
    chat.catchUp();
    chat.hasMore = has_more;
    chat.loaded = true;
  }
}
