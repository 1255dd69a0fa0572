// Owns what a person may do to a message: the menu, the questions it asks, and the doing.

import { excerpt } from "./bubble.js";
import { confirm } from "./confirm.js";
import { emojiChoice } from "./emoji.js";
import { openMenu } from "./menu.js";
import { hasReacted } from "./revision.js";
import { timeLeft } from "./windows.js";

export class Actions {
  #client;
  #hopes;
  #me;
  #on;

  /**
   * @param {{chats: any, client: any, on: {reply: (message: any) => void,
   *          edit: (message: any) => void, copied: () => void,
   *          about: (chat: any, message: any) => void,
   *          report: (chat: any, message: any) => void}}} options
   */
  constructor({ chats, client, on }) {
    this.#client = client;
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

  /** Returns whether this user may still change what the message says. */
  mayEdit(message) {
    return this.#editableFor(message) > 0;
  }

  /** Returns for how many milliseconds yet; not above 0: no more, or never. */
  #editableFor(message) {
    return this.#isOwn(message) ? timeLeft(message, this.#client.limits.edit_window_seconds, this.#client.now()) : 0;
  }

  #erasableFor(message) {
    return this.#isOwn(message) ? timeLeft(message, this.#client.limits.delete_window_seconds, this.#client.now()) : 0;
  }

  #isOwn({ message_id, sender_id, deleted_at }) {
    return Boolean(message_id) && sender_id === this.#me && !deleted_at;
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
    const left = this.#editableFor(message);
    const edit = { name: "Edit", icon: "edit", left, act: () => this.#on.edit(message) };
    const copy = { name: "Copy text", icon: "copy", act: () => this.#copy(message) };
    const about = { name: "Info", icon: "about", act: () => this.#on.about(chat, message) };
    const report = { name: "Report…", icon: "flag", act: () => this.#on.report(chat, message) };
    const writing = chat.blocked ? [] : [reply, left > 0 && edit]; // without a field there is neither
    const possible = [...writing, message.content && copy, this.#isOwn(message) ? about : report];
    return [...possible.filter(Boolean), this.#removal(chat, message)];
  }

  #removal(chat, message) {
    return { name: "Delete…", icon: "bin", danger: true, act: () => this.#remove(chat, message) };
  }

  async #remove(chat, message) {
    const left = this.#erasableFor(message);
    const everyone = { name: "Delete for everyone", value: "everyone", danger: true, left };
    const me = { name: "Delete for me", value: "me", danger: true };
    const mode = await confirm({
      title: "Delete this message?",
      text: `“${excerpt(message)}”`,
      choices: left > 0 ? [everyone, me] : [me],
    });
    if (mode) this.#hopes.delete(chat, message, mode);
  }

  async #copy({ content }) {
    await navigator.clipboard?.writeText(content).then(this.#on.copied, () => {});
  }
}
