// Owns the field a message is written in.

import { h, icon } from "./dom.js";
import { loadDraft, saveDraft } from "./session.js";
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
  #tray;
  #on;
  #key = "";
  #eager = false; // "send" was said while files were still on their way

  /**
   * @param {{client: any, on: {send: (message: {content: string, reply_to?: number,
   *          attachments: any[]}) => void, edit: (message: any, content: string) => void,
   *          typing: () => void, stopTyping: () => void, editLast: () => void,
   *          refused: (text: string) => void}}} options
   */
  constructor({ client, on }) {
    this.#on = on;
    this.#field = h("textarea", {
      id: "composer",
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
    this.#tray = new Tray({ client, on: { change: () => this.#carried(), refused: (text) => this.#refused(text) } });
    this.#subject = new Subject({ onCancel: () => this.#cancel() });
    this.element = h(
      "form",
      { class: "composer", on: { submit: (event) => this.#submit(event) } },
      this.#subject.element,
      this.#tray.element,
      ...this.#clip(),
      h("div", { class: "field" }, this.#field, this.#count),
      this.#button,
    );
  }

  /** @param {import("./chat.js").Chat} chat */
  show(chat) {
    this.#subject.hide();
    this.#eager = false;
    this.#tray.clear();
    this.#key = chat.key;
    this.#fill(loadDraft(this.#key));
  }

  focus() {
    this.#field.focus();
  }

  /** Files that the next message carries. @param {Iterable<File>} files */
  attach(files) {
    if (this.#editing) this.#cancel();
    this.#tray.add(files);
    this.focus();
  }

  /** The next message answers that one. */
  reply(message, author) {
    if (this.#editing) this.#fill(loadDraft(this.#key));
    this.#subject.show("reply", message, author);
    this.#changed();
    this.focus();
  }

  /** What is sent next replaces that message's text. */
  edit(message) {
    this.#subject.show("edit", message, "");
    this.#fill(message.content);
    this.focus();
  }

  get #editing() {
    return this.#subject.current?.kind === "edit";
  }

  get #content() {
    const text = written(this.#field.value.replaceAll("\0", ""));
    return text.toWellFormed?.() ?? text;
  }

  #clip() {
    const taken = ({ target }) => {
      this.attach([...target.files]);
      target.value = ""; // the same file again is a change again
    };
    const choose = h("input", { type: "file", multiple: true, hidden: true, "aria-label": "Files", on: { change: taken } });
    const button = { type: "button", class: "round clip", "aria-label": "Attach files", title: "Attach files" };
    return [choose, h("button", { ...button, on: { click: () => choose.click() } }, icon("clip"))];
  }

  #carried() {
    this.#changed();
    if (this.#eager && !this.#button.disabled) this.element.requestSubmit();
  }

  #refused(text) {
    this.#eager = false; // not without it
    this.#on.refused(text);
  }

  #pasted(event) {
    const files = [...(event.clipboardData?.files ?? [])];
    if (!files.length) return;
    event.preventDefault();
    this.attach(files);
  }

  #fill(text) {
    this.#field.value = text;
    this.#changed();
  }

  #typed() {
    this.#changed();
    if (this.#editing) return;
    saveDraft(this.#key, this.#field.value);
    if (this.#content) this.#on.typing();
    else this.#on.stopTyping();
  }

  #changed() {
    const length = Array.from(this.#content).length;
    const empty = length === 0 && (this.#editing || this.#tray.isEmpty);
    this.#button.disabled = empty || length > MAX_CONTENT || !this.#tray.isReady;
    this.#button.setAttribute("aria-label", this.#editing ? "Save" : "Send");
    this.#button.replaceChildren(icon(this.#editing ? "check" : "send"));
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
    else if (event.key === "Escape" && this.#subject.current) this.#cancel();
    else if (event.key === "ArrowUp" && !this.#field.value && !this.#subject.current) {
      event.preventDefault();
      this.#on.editLast();
    }
  }

  #cancel() {
    const wasEditing = this.#editing;
    this.#subject.hide();
    if (wasEditing) this.#fill(loadDraft(this.#key));
    this.focus();
  }

  #submit(event) {
    event.preventDefault();
    this.#eager = !this.#tray.isReady;
    if (this.#button.disabled) return;
    const content = this.#content;
    const { kind, message } = this.#subject.current ?? {};
    this.#subject.hide();
    if (kind !== "edit") saveDraft(this.#key, "");
    const attachments = kind === "edit" ? [] : this.#tray.take();
    this.#fill(loadDraft(this.#key));
    this.focus();
    if (kind === "edit") this.#on.edit(message, content);
    else this.#on.send({ content, reply_to: message?.message_id, attachments });
  }
}
