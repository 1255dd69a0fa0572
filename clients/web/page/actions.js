// Owns what a person may do to a message: the menu, the questions it asks, and the doing.

import { excerpt } from "./bubble.js";
import { confirm } from "./confirm.js";
import { emojiChoice } from "./emoji.js";
import { openMenu } from "./menu.js";
import { hasReacted } from "./revision.js";

const WINDOW_MS = 24 * 3_600_000; // the server's default; its own word is the one that counts

export class Actions {
  #hopes;
  #me;
  #on;

  /**
   * @param {{chats: any, on: {reply: (message: any) => void, edit: (message: any) => void,
   *          copied: () => void}}} options
   */
  constructor({ chats, on }) {
    this.#hopes = chats.hopes;
    this.#me = chats.me;
    this.#on = on;
  }

  /** @param {import("./chat.js").Chat} chat @param {any} message @param {{x: number, y: number}} at */
  menu(chat, message, at) {
    if (!message.message_id) return; // not stored: there is nothing to change yet
    const gone = Boolean(message.deleted_at);
    openMenu({
      label: "Message actions",
      at,
      top: gone ? undefined : (close) => this.#emoji(chat, message, close),
      items: gone ? [this.#removal(chat, message)] : this.#items(chat, message),
    });
  }

  react(chat, message, emoji) {
    this.#hopes.react(chat, message, emoji);
  }

  /** Whether this user may still change what the message says. */
  mayEdit({ message_id, sender_id, created_at, deleted_at }) {
    const inTime = Date.now() - new Date(created_at) < WINDOW_MS;
    return Boolean(message_id) && sender_id === this.#me && inTime && !deleted_at;
  }

  #emoji(chat, message, close) {
    const onPick = (emoji) => {
      close();
      this.react(chat, message, emoji);
    };
    return emojiChoice({ mine: (emoji) => hasReacted(message, emoji, this.#me), onPick });
  }

  #items(chat, message) {
    const reply = { name: "Reply", icon: "reply", act: () => this.#on.reply(message) };
    const edit = { name: "Edit", icon: "edit", act: () => this.#on.edit(message) };
    const copy = { name: "Copy text", icon: "copy", act: () => this.#copy(message) };
    const possible = [reply, this.mayEdit(message) && edit, message.content && copy];
    return [...possible.filter(Boolean), this.#removal(chat, message)];
  }

  #removal(chat, message) {
    return { name: "Delete…", icon: "bin", danger: true, act: () => this.#remove(chat, message) };
  }

  async #remove(chat, message) {
    const everyone = { name: "Delete for everyone", value: "everyone", danger: true };
    const me = { name: "Delete for me", value: "me", danger: true };
    const mode = await confirm({
      title: "Delete this message?",
      text: `“${excerpt(message)}”`,
      choices: this.mayEdit(message) ? [everyone, me] : [me],
    });
    if (mode) this.#hopes.delete(chat, message, mode);
  }

  async #copy({ content }) {
    await navigator.clipboard?.writeText(content).then(this.#on.copied, () => {});
  }
}
