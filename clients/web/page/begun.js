// Owns what is begun in one chat and not yet sent; the text of a new message is kept as its draft.

export class Begun {
  /** @type {import("./chat.js").Chat} */
  chat;
  /** @type {import("./tray.js").Tray} */
  tray;
  /** The message that is being answered or changed. @type {{kind: "reply"|"edit", message: any, author: string}|null} */
  subject = null;
  /** The text of an edit. */
  edited = "";
  /** "Send" was said while files were still on their way. */
  eager = false;

  /**
   * @param {import("./chat.js").Chat} chat
   * @param {(begun: Begun) => import("./tray.js").Tray} newTray
   */
  constructor(chat, newTray) {
    this.chat = chat;
    this.tray = newTray(this);
  }

  get isEdit() {
    return this.subject?.kind === "edit";
  }

  /** Returns whether nothing would be lost with it. */
  get isNothing() {
    return !this.subject && this.tray.isEmpty;
  }

  /** The message it is about was deleted meanwhile, or is being deleted. */
  get isLost() {
    const known = this.subject && this.chat.find(this.subject.message.message_id);
    const shown = known && this.chat.shown(known);
    return shown === null || Boolean(shown?.deleted_at);
  }
}
