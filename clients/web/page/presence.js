// Owns who is online as far as this page knows: of those on the screen, while it is connected.

import { once } from "./dom.js";
import { ago } from "./time.js";

const MOST = 400;

/** Emits `change`. */
export class Presence extends EventTarget {
  #client;
  #chats;
  #known = new Map(); // user_id → its last `presence`
  #open = null;

  /** @param {{client: any, chats: any}} options */
  constructor({ client, chats }) {
    super();
    this.#client = client;
    this.#chats = chats;
    client.addEventListener("presence", ({ detail }) => this.#take(detail));
    client.addEventListener("state", () => this.#forget());
    chats.addEventListener("change", this.#watch);
  }

  /** Says which chat is on the screen beside the inbox. */
  look(chat) {
    this.#open = chat;
    this.#watch();
  }

  /** @param {string} userId */
  isOnline(userId) {
    return Boolean(this.#known.get(userId)?.is_online);
  }

  /** Says it in words, or nothing where nothing is known. @param {string} userId */
  says(userId) {
    const { is_online, last_seen } = this.#known.get(userId) ?? {};
    if (is_online) return "online";
    return last_seen ? `last seen ${ago(last_seen)}` : "";
  }

  #watch = once(() => {
    const chats = [...(this.#open ? [this.#open] : []), ...this.#chats.inbox.slice(0, MOST)];
    const people = chats.filter(({ peer, isSaved, conversationId }) => peer && !isSaved && conversationId);
    this.#client.watch(new Set(people.map(({ peer }) => peer.user_id)));
  });

  #take(frame) {
    this.#known.set(frame.user_id, frame);
    this.dispatchEvent(new Event("change"));
  }

  /** Who is not connected is not told. */
  #forget() {
    if (this.#client.state === "connected" || !this.#known.size) return;
    this.#known.clear();
    this.dispatchEvent(new Event("change"));
  }
}
