// Owns the field a message is written in, and what is begun in each chat.

import { Begun } from "./begun.js";
import { h, icon } from "./dom.js";
import { filesIn } from "./dropped.js";
import { isolated } from "./names.js";
import { loadDraft, saveDraft } from "./entry/session.js";
import { Subject } from "./subject.js";
import { Tray } from "./tray.js";
import { written } from "./written.js";

const MAX_CONTENT = 5_000; // code points, as the protocol counts
const COUNT_FROM = 4_500;

export class Composer {
  element;
  #field;
  #count;
  #button;
  #subject;
  #tray = h("div", { class: "trays" });
  #client;
  #again;
  #on;
  #begun = new Map(); // key of a chat → Begun
  /** @type {Begun} */
  #now;

  /**
   * @param {{client: any, again: import("./again.js").Again, on: {send: (chat: any, message: {content: string, reply_to?: number,
   *          attachments: any[]}) => void, edit: (message: any, content: string) => void,
   *          typing: () => void, stopTyping: () => void, editLast: () => void,
   *          refused: (text: string) => void}}} options
   */
  constructor({ client, again, on }) {
    this.#client = client;
    this.#again = again;
    this.#on = on;
    this.#field = h("textarea", {
      id: "composer",
      dir: "auto",
      rows: "1",
      placeholder: "Write a message",
      "aria-label": "Message",
      "aria-describedby": "composer-count",
      autocomplete: "off",
      enterkeyhint: "send",
      on: {
        input: () => this.#typed(),
        keydown: (event) => this.#pressed(event),
        paste: (event) => this.#pasted(event),
      },
    });
    this.#count = h("span", { id: "composer-count", class: "count", "aria-live": "polite" });
    this.#button = h("button", { type: "submit", class: "round send", disabled: true });
    this.#subject = new Subject({ onCancel: () => this.#cancel() });
    this.element = h(
      "form",
      { class: "composer", on: { submit: (event) => this.#submit(event) } },
      this.#subject.element,
      this.#tray,
      ...this.#clip(),
      h("div", { class: "field" }, this.#field, this.#count),
      this.#button,
    );
  }

  /** @param {import("./chat.js").Chat} chat */
  show(chat) {
    if (this.#now?.isNothing) this.#begun.delete(this.#now.chat.key);
    this.#now = this.#of(chat);
    this.#tray.replaceChildren(this.#now.tray.element);
    this.#about(this.#now.isLost ? null : this.#now.subject);
    this.#fill(this.#now.isEdit ? this.#now.edited : this.#draft);
  }

  focus() {
    this.#field.focus();
  }

  /**
   * Files that the next message carries; of folders it is said that they are not sent.
   * @param {{files: File[], folders?: string[]}} given
   */
  attach({ files, folders = [] }) {
    if (this.#now.isEdit) this.#cancel();
    for (const name of folders) this.#on.refused(`“${isolated(name)}” is a folder. Choose the files in it`);
    this.#now.tray.add(files);
    this.focus();
  }

  /** Ends the answer to a message that is gone, or its edit. */
  follow() {
    if (!this.#now.isLost) return;
    const focused = this.element.contains(document.activeElement);
    this.#end();
    if (focused) this.focus();
  }

  /** Lets the next message answer that one. */
  reply(message, author) {
    const wasEditing = this.#now.isEdit;
    this.#about({ kind: "reply", message, author });
    if (wasEditing) this.#fill(this.#draft);
    this.#changed();
    this.focus();
  }

  /** Lets what is sent next replace that message's text. */
  edit(message) {
    this.#about({ kind: "edit", message, author: "" });
    this.#now.edited = message.content;
    this.#fill(message.content);
    this.focus();
  }

  get #draft() {
    return loadDraft(this.#now.chat.key);
  }

  get #content() {
    return contentOf(this.#field.value);
  }

  #clip() {
    const taken = ({ target }) => {
      this.attach({ files: [...target.files] });
      target.value = ""; // the same file again is a change again
    };
    const choose = h("input", { type: "file", multiple: true, hidden: true, "aria-label": "Files", on: { change: taken } });
    const button = { type: "button", class: "round clip", "aria-label": "Attach files", title: "Attach files" };
    return [choose, h("button", { ...button, on: { click: () => choose.click() } }, icon("clip"))];
  }

  #of(chat) {
    const { key } = chat;
    if (!this.#begun.has(key)) this.#begun.set(key, new Begun(chat, (begun) => this.#newTray(begun)));
    return this.#begun.get(key);
  }

  #newTray(begun) {
    const on = { change: () => this.#carried(begun), refused: (text) => this.#refused(begun, text) };
    return new Tray({ client: this.#client, again: this.#again, on });
  }

  #about(subject) {
    this.#now.subject = subject;
    if (subject) this.#subject.show(subject.kind, subject.message, subject.author);
    else this.#subject.hide();
  }

  #carried(begun) {
    if (begun === this.#now) this.#changed();
    if (!begun.eager || !begun.tray.isReady) return;
    const content = contentOf(loadDraft(begun.chat.key));
    if (Array.from(content).length <= MAX_CONTENT && (content || !begun.tray.isEmpty)) this.#send(begun, content);
  }

  #refused(begun, text) {
    begun.eager = false; // not without it
    this.#on.refused(text);
  }

  #pasted(event) {
    const given = filesIn(event.clipboardData);
    if (!given.files.length && !given.folders.length) return;
    event.preventDefault();
    this.attach(given);
  }

  #fill(text) {
    this.#field.value = text;
    this.#changed();
  }

  #typed() {
    this.#changed();
    if (this.#now.isEdit) {
      this.#now.edited = this.#field.value;
      return;
    }
    saveDraft(this.#now.chat.key, this.#field.value);
    if (this.#content) this.#on.typing();
    else this.#on.stopTyping();
  }

  #changed() {
    const { tray } = this.#now;
    const editing = this.#now.isEdit;
    const length = Array.from(this.#content).length;
    const isEmpty = length === 0 && (editing || tray.isEmpty);
    this.#button.disabled = isEmpty || length > MAX_CONTENT || !(editing || tray.isReady);
    this.#button.setAttribute("aria-label", editing ? "Save" : "Send");
    this.#button.replaceChildren(icon(editing ? "check" : "send"));
    this.#count.textContent = length < COUNT_FROM ? "" : `${length} of ${MAX_CONTENT}`;
    this.#count.classList.toggle("over", length > MAX_CONTENT);
    this.#grow();
  }

  #grow() {
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }

  #pressed(event) {
    // While an input method composes, Enter chooses a word; 229 is how Safari says so.
    const composing = event.isComposing || event.keyCode === 229;
    if (composing) return;
    if (event.key === "Enter" && !event.shiftKey) this.#submit(event);
    else if (event.key === "Escape" && this.#now.subject) this.#cancel();
    else if (event.key === "ArrowUp" && !this.#field.value && !this.#now.subject) {
      event.preventDefault();
      this.#on.editLast();
    }
  }

  #cancel() {
    this.#end();
    this.focus();
  }

  #end() {
    const wasEditing = this.#now.isEdit;
    this.#about(null);
    if (wasEditing) this.#fill(this.#draft);
  }

  #submit(event) {
    event.preventDefault();
    if (!this.#now.isEdit) this.#now.eager = !this.#now.tray.isReady;
    if (this.#button.disabled) return;
    if (this.#now.isEdit) this.#save();
    else this.#send(this.#now, this.#content);
    this.focus();
  }

  #save() {
    const content = this.#content;
    const { message } = this.#now.subject;
    this.#about(null);
    this.#fill(this.#draft);
    this.#on.edit(message, content);
  }

  /** Perhaps from a chat that is no longer on the screen. */
  #send(begun, content) {
    const { chat, subject, tray } = begun;
    const reply = begun.isEdit ? null : subject;
    begun.eager = false;
    saveDraft(chat.key, "");
    const attachments = tray.take();
    if (reply) begun.subject = null;
    if (begun === this.#now && !this.#now.isEdit) {
      this.#subject.hide();
      this.#fill("");
    }
    this.#on.send(chat, { content, reply_to: reply?.message.message_id, attachments });
  }
}

function contentOf(field) {
  const text = written(field.replaceAll("\0", ""));
  return text.toWellFormed?.() ?? text;
}
