// Owns what a person does with a whole conversation: read, archive, mute and clear it.

import { confirm } from "./confirm.js";
import { explain } from "./explain.js";
import { openMenu } from "./menu.js";
import { isolated } from "./names.js";

/** @typedef {import("./chat.js").Chat} Chat */

export class Keeping {
  #chats;
  #api;
  #blocks;
  #on;

  /**
   * @param {{chats: any, client: any, on: {refused: (message: string) => void,
   *          group: (chat: Chat) => void, report: (chat: Chat) => void}},
   *          blocks: import("./blocks.js").Blocks}} options
   */
  constructor({ chats, client, blocks, on }) {
    this.#chats = chats;
    this.#blocks = blocks;
    this.#api = client.api;
    this.#on = on;
  }

  /** @param {Chat} chat @param {{x: number, y: number}} at */
  menu(chat, at) {
    const items = this.#items(chat);
    if (items.length) openMenu({ label: `Conversation with ${chat.title}`, at, items });
  }

  #items(chat) {
    const { archived, muted } = chat;
    const item = (name, icon, act) => ({ name, icon, act });
    const against = chat.isGroup || chat.isSaved ? [] : this.#against(chat, item);
    if (!chat.conversationId) return against; // nobody has written yet: there is nothing to keep
    return [
      ...(chat.unread ? [item("Mark as read", "delivered", () => this.#read(chat))] : []),
      ...(chat.isGroup ? [item("Group", "people", () => this.#on.group(chat))] : []),
      item(muted ? "Unmute" : "Mute", "mute", () => this.#set(chat, { muted: !muted })),
      item(archived ? "Unarchive" : "Archive", "archive", () =>
        this.#set(chat, { archived: !archived }),
      ),
      ...against,
      { ...item("Clear…", "bin", () => this.#clear(chat)), danger: true },
    ];
  }

  /** Returns what may be done about the other one. */
  #against(chat, item) {
    const title = isolated(chat.title);
    return [
      chat.blocked
        ? item(`Unblock ${title}`, "gone", () => this.#blocks.unblock(chat))
        : item(`Block ${title}…`, "gone", () => this.#blocks.block(chat)),
      item(`Report ${title}…`, "flag", () => this.#on.report(chat)),
    ];
  }

  /** Shown at once, and back when the server refuses, unless more was told since. */
  async #set(chat, changes) {
    const before = Object.fromEntries(Object.keys(changes).map((name) => [name, chat[name]]));
    const moment = this.#chats.moment();
    chat.keep(changes, moment);
    this.#chats.touched(chat);
    const done = await this.#try(this.#api.update(chat.conversationId, changes));
    if (!done) chat.keep(before, moment);
    this.#chats.touched(chat);
  }

  async #read(chat) {
    const { lastSeq } = chat;
    if (!(await this.#try(this.#api.markRead(chat.conversationId, lastSeq)))) return;
    chat.advance(this.#chats.me, lastSeq, lastSeq);
    this.#chats.touched(chat);
  }

  /** The feed tells what that hides, here as on all devices. */
  async #clear(chat) {
    const choice = await confirm({
      title: `Clear ${isolated(chat.title)}?`,
      text: "All messages so far will be hidden from you. The others keep them.",
      choices: [{ name: "Clear", value: "clear", danger: true }],
    });
    if (choice) await this.#try(this.#api.clear(chat.conversationId));
  }

  async #try(outcome) {
    try {
      await outcome;
      return true;
    } catch (error) {
      this.#on.refused(explain(error));
      return false;
    }
  }
}
