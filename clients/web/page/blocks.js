// Owns how this user blocks somebody and lets them in again: the question, the line, the doing.

import { confirm } from "./confirm.js";
import { h, icon } from "./dom.js";
import { explain } from "./explain.js";
import { isolated } from "./names.js";

/** @typedef {import("./chat.js").Chat} Chat */

export class Blocks {
  #chats;
  #api;
  #again;
  #onRefused;
  #asked = new WeakSet(); // chats

  /**
   * @param {{chats: any, client: any, again: import("./again.js").Again,
   *          onRefused: (message: string) => void}} options
   */
  constructor({ chats, client, again, onRefused }) {
    this.#chats = chats;
    this.#again = again;
    this.#api = client.api;
    this.#onRefused = onRefused;
  }

  /** @param {Chat} chat a direct one */
  async block(chat) {
    const choice = await confirm({
      title: `Block ${isolated(chat.title)}?`,
      text: "They can no longer write to you here. You can unblock them at any time.",
      choices: [{ name: "Block", value: "block", danger: true }],
    });
    if (choice) await this.#set(chat, true);
  }

  /** @param {Chat} chat @returns {Promise<boolean>} whether the server did it */
  unblock(chat) {
    return this.#set(chat, false);
  }

  /** Lets somebody in again; rejects when the server refuses. @param {string} userId */
  async lift(userId) {
    const asked = this.#chats.moment();
    await this.#api.unblock(userId);
    this.#tell(this.#chats.addressed({ to: userId }), false, asked);
  }

  /**
   * Asks, once, whether this user blocks the other one: where nothing was said, no inbox tells it.
   * @param {Chat} chat a direct one
   */
  async learn(chat) {
    if (this.#asked.has(chat)) return;
    this.#asked.add(chat);
    let asked;
    const ask = () => {
      asked = this.#chats.moment();
      return this.#api.blocks({ user_id: chat.peer.user_id });
    };
    try {
      const { blocks } = await this.#again.until(ask);
      if (blocks.length) this.#tell(chat, true, asked);
    } catch {
      this.#asked.delete(chat); // the next look at it asks again
    }
  }

  async #set(chat, blocked) {
    const asked = this.#chats.moment();
    try {
      await (blocked ? this.#api.block(chat.peer.user_id) : this.#api.unblock(chat.peer.user_id));
    } catch (error) {
      this.#onRefused(explain(error));
      return false;
    }
    this.#tell(chat, blocked, asked);
    return true;
  }

  #tell(chat, blocked, asked) {
    chat.keep({ blocked }, asked);
    this.#chats.touched(chat);
  }
}

/** Stands in the field's place. @param {{onUnblock: () => Promise<void>}} options */
export function blockedLine({ onUnblock }) {
  const words = h("p", { role: "status" });
  const unblock = async () => {
    button.disabled = true;
    await onUnblock();
    button.disabled = false;
  };
  const button = h("button", { type: "button", on: { click: unblock } }, "Unblock");
  const node = h("div", { class: "blocked", hidden: true }, icon("gone"), words, button);

  /** @param {Chat} chat */
  function show({ blocked, title }) {
    node.hidden = !blocked;
    if (!blocked || node.dataset.title === title) return;
    node.dataset.title = title;
    words.replaceChildren("You blocked ", h("bdi", {}, title), ".");
  }

  return { node, show };
}
