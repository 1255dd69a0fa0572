// Owns looking up a user without a conversation yet: their name, or that there is no such user.

import { h, icon } from "./dom.js";
import { plainName } from "./names.js";

/** @typedef {import("./chat.js").Chat} Chat */

export class Acquaintance {
  #chats;
  #api;
  #again;
  #asked = new WeakSet(); // chats

  /** @param {{chats: any, client: any, again: import("./again.js").Again}} options */
  constructor({ chats, client, again }) {
    this.#chats = chats;
    this.#api = client.api;
    this.#again = again;
  }

  /** Asks, once. @param {Chat} chat a direct one */
  async learn(chat) {
    if (this.#asked.has(chat)) return;
    this.#asked.add(chat);
    try {
      chat.meet(await this.#again.until(() => this.#api.user(chat.peer.user_id)));
    } catch (error) {
      if (error.code === "not_found") chat.meet(null);
      else this.#asked.delete(chat);
    }
    this.#chats.touched(chat);
  }

  /** Asks once more when it is looked at again. @param {Chat} chat */
  forget(chat) {
    this.#asked.delete(chat);
  }
}

/** Stands in the place of a conversation. @param {{onBack: () => void}} options */
export function nobodyView({ onBack }) {
  const id = document.createElement("bdi");
  const node = h(
    "div",
    { class: "nothing", role: "status", hidden: true },
    icon("people"),
    h("h2", {}, "There is no such person"),
    h("p", {}, "Nobody here has the id ", id, ", or you cannot write to them."),
    h("button", { type: "button", on: { click: onBack } }, "Back to all conversations"),
  );

  /** @param {Chat|null} chat */
  function show(chat) {
    node.hidden = !chat?.isWithNobody;
    id.textContent = node.hidden ? "" : plainName(chat.peer.user_id);
  }

  return { node, show };
}
