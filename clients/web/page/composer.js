// Owns the field a message is written in.

import { h, icon } from "./dom.js";
import { loadDraft, saveDraft } from "./session.js";
import { Subject } from "./subject.js";

const MAX_CONTENT = 5_000; // code points, as the protocol counts
const COUNT_FROM = 4_500;

export class Composer {
  element;
  #field;
  #count;
  #button;
  #subject;
  #on;
  #key = "";

  /**
   * @param {{on: {send: (content: string, replyTo?: number) => void,
   *          edit: (message: any, content: string) => void, typing: () => void,
   *          stopTyping: () => void, editLast: () => void}}} options
   */
  constructor({ on }) {
    this.#on = on;
    this.#field = h("textarea", {
      id: "composer",
      rows: "1",
      placeholder: "Write a message",
      "aria-label": "Message",
      "aria-describedby": "composer-count",
      autocomplete: "off",
      enterkeyhint: "send",
      on: { input: () => this.#typed(), keydown: (event) => this.#pressed(event) },
    });
    this.#count = h("span", { id: "composer-count", class: "count", "aria-live": "polite" });
    this.#button = h("button", { type: "submit", class: "round send", disabled: true });
    this.#subject = new Subject({ onCancel: () => this.#cancel() });
    this.element = h(
      "form",
      { class: "composer", on: { submit: (event) => this.#submit(event) } },
      this.#subject.element,
      h("div", { class: "field" }, this.#field, this.#count),
      this.#button,
    );
  }

  /** @param {import("./chat.js").Chat} chat */
  show(chat) {
    this.#subject.hide();
    this.#key = chat.key;
    this.#fill(loadDraft(this.#key));
  }

  focus() {
    this.#field.focus();
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
    const text = this.#field.value.replaceAll("\0", "").trim();
    return text.toWellFormed?.() ?? text;
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
    this.#button.disabled = length === 0 || length > MAX_CONTENT;
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
    if (this.#button.disabled) return;
    const content = this.#content;
    const { kind, message } = this.#subject.current ?? {};
    this.#subject.hide();
    if (kind !== "edit") saveDraft(this.#key, "");
    this.#fill(loadDraft(this.#key));
    this.focus();
    if (kind === "edit") this.#on.edit(message, content);
    else this.#on.send(content, message?.message_id);
  }
}
