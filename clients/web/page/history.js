// Owns what is loaded of the conversations: pages of messages, backwards from the newest.

/** @typedef {import("./chat.js").Chat} Chat */

const FIRST_PAGE = 50;
const OLDER_PAGE = 20;
const FAR_PAGE = 100;

export class History {
  #api;
  #on;
  #work = new WeakMap(); // chat → the load that is under way

  /**
   * @param {{api: any, on: {locate: (chat: Chat) => Promise<void>,
   *          message: (chat: Chat, message: any) => void, change: (chat: Chat) => void}}} options
   *        `locate` finds out which conversation a chat is, if it is one yet
   */
  constructor({ api, on }) {
    this.#api = api;
    this.#on = on;
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
    const message = await this.#lookUp(chat, messageId).catch(() => null);
    chat.quotes.set(messageId, message ?? null);
    this.#on.change(chat);
  }

  /** There is no route for one message, but for those before and behind another one. */
  async #lookUp({ conversationId }, messageId) {
    const behind = await this.#api.messages(conversationId, { after_id: messageId, limit: 1 });
    const before_id = behind.messages[0]?.message_id;
    const { messages } = await this.#api.messages(conversationId, { before_id, limit: 1 });
    return messages.find(({ message_id }) => message_id === messageId);
  }

  #page(chat, page) {
    const work = this.#load(chat, page);
    this.#work.set(chat, work);
    return work;
  }

  async #load(chat, page) {
    const { generation } = chat;
    chat.loading = true;
    try {
      if (!chat.conversationId) await this.#on.locate(chat);
      if (chat.conversationId) await this.#take(chat, generation, page);
    } catch (error) {
      chat.error = error.message;
    }
    if (generation === chat.generation) chat.loading = false;
    this.#on.change(chat);
  }

  async #take(chat, generation, page) {
    const { messages, has_more } = await this.#api.messages(chat.conversationId, page);
    if (generation !== chat.generation) return;
    for (const message of messages) this.#on.message(chat, message);
    chat.hasMore = has_more;
    chat.loaded = true;
  }
}
