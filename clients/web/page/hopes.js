// Owns what this user changes of messages as the page shows it: at once, and back when refused.

import { hasReacted } from "./revision.js";
import { present } from "./time.js";

/** @typedef {import("./chat.js").Chat} Chat */
/** @typedef {import("./chat.js").Message} Message */

/** Emits `refused`, with the server's refusal as `detail`. */
export class Hopes extends EventTarget {
  #client;
  #onChange;

  /** @param {{client: any, onChange: (chat: Chat) => void}} options */
  constructor({ client, onChange }) {
    super();
    this.#client = client;
    this.#onChange = onChange;
  }

  /** @param {Chat} chat @param {Message} message @param {string} content */
  edit(chat, { message_id }, content) {
    const edited_at = present();
    const change = { type: "message_updated", message_id, content, edited_at };
    return this.#hope(chat, change, this.#client.edit(message_id, content));
  }

  /** @param {Chat} chat @param {Message} message @param {"me"|"everyone"} mode */
  delete(chat, { message_id }, mode) {
    const deleted_at = present();
    const change = { type: "message_deleted", message_id, mode, deleted_at };
    return this.#hope(chat, change, this.#client.delete(message_id, mode));
  }

  /** Sets the emoji, or takes it back. @param {Chat} chat @param {Message} message */
  react(chat, message, emoji) {
    const { message_id } = message;
    const user_id = this.#client.userId;
    const remove = hasReacted(message, emoji, user_id);
    const change = { type: "reaction", message_id, user_id, emoji, removed: remove };
    return this.#hope(chat, change, this.#client.react(message_id, emoji, { remove }));
  }

  async #hope(chat, change, outcome) {
    const { message_id } = change;
    const { version = 0 } = chat.find(message_id) ?? {};
    chat.hoped.set(message_id, [...(chat.hoped.get(message_id) ?? []), change]);
    this.#onChange(chat);
    try {
      await outcome;
      chat.settle(change, version);
    } catch (error) {
      this.dispatchEvent(new CustomEvent("refused", { detail: error }));
    }
    const left = chat.hoped.get(message_id).filter((one) => one !== change);
    if (left.length) chat.hoped.set(message_id, left);
    else chat.hoped.delete(message_id);
    this.#onChange(chat);
  }
}
