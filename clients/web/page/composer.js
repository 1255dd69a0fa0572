// Owns the field a message is written in.

import { h, icon } from "./dom.js";
import { loadDraft, saveDraft } from "./session.js";

const MAX_CONTENT = 5_000; // code points, as the protocol counts
const COUNT_FROM = 4_500;

export class Composer {
  element;
  #field;
  #count;
  #button;
  #onSend;
  #peer = "";

  /** @param {{onSend: (content: string) => void}} options */
  constructor({ onSend }) {
    this.#onSend = onSend;
    this.#field = h("textarea", {
      id: "composer",
      rows: "1",
      placeholder: "Write a message",
      "aria-label": "Message",
      "aria-describedby": "composer-count",
      autocomplete: "off",
      enterkeyhint: "send",
      on: { input: () => this.#changed(), keydown: (event) => this.#key(event) },
    });
    this.#count = h("span", { id: "composer-count", class: "count", "aria-live": "polite" });
    this.#button = h(
      "button",
      { type: "submit", class: "round send", "aria-label": "Send", disabled: true },
      icon("send"),
    );
    this.element = h(
      "form",
      { class: "composer", on: { submit: (event) => this.#submit(event) } },
      h("div", { class: "field" }, this.#field, this.#count),
      this.#button,
    );
  }

  /** @param {import("./chat.js").Chat} chat */
  show(chat) {
    this.#peer = chat.peer.user_id;
    this.#field.value = loadDraft(this.#peer);
    this.#changed();
  }

  focus() {
    this.#field.focus();
  }

  get #content() {
    const text = this.#field.value.replaceAll("\0", "").trim();
    return text.toWellFormed?.() ?? text;
  }

  #changed() {
    const length = Array.from(this.#content).length;
    this.#button.disabled = length === 0 || length > MAX_CONTENT;
    this.#count.textContent = length < COUNT_FROM ? "" : `${length} of ${MAX_CONTENT}`;
    this.#count.classList.toggle("over", length > MAX_CONTENT);
    saveDraft(this.#peer, this.#field.value);
    this.#grow();
  }

  #grow() {
    this.#field.style.height = "auto";
    this.#field.style.height = `${this.#field.scrollHeight}px`;
  }

  #key(event) {
    // While an input method composes, Enter chooses a word; 229 is how Safari says so.
    const composing = event.isComposing || event.keyCode === 229;
    if (event.key === "Enter" && !event.shiftKey && !composing) this.#submit(event);
  }

  #submit(event) {
    event.preventDefault();
    if (this.#button.disabled) return;
    const content = this.#content;
    this.#field.value = "";
    this.#changed();
    this.#field.focus();
    this.#onSend(content);
  }
}
