// Owns the conversation on the screen: whose it is, its messages, and the field to answer in.

import { Composer } from "./composer.js";
import { avatar, h, icon } from "./dom.js";
import { Timeline } from "./timeline.js";

export class Conversation {
  element;
  #chats;
  #chat = null;
  #who;
  #open;
  #nothing;
  #timeline;
  #composer;

  /** @param {{chats: any, client: any, onBack: () => void}} options */
  constructor({ chats, client, onBack }) {
    this.#chats = chats;
    this.#who = h("div", { class: "who", tabindex: "-1" });
    this.#timeline = new Timeline({ chats, client });
    this.#composer = new Composer({ onSend: (content) => this.#send(client, content) });
    const back = { type: "button", class: "round back", "aria-label": "Back to all conversations" };
    this.#open = h(
      "div",
      { class: "open", hidden: true },
      h("header", { class: "bar" }, h("button", { ...back, on: { click: onBack } }, icon("back")), this.#who),
      this.#timeline.element,
      this.#composer.element,
    );
    this.#nothing = h(
      "div",
      { class: "nothing" },
      icon("chat"),
      h("h2", {}, "Your messages"),
      h("p", {}, "Choose a conversation, or begin one with the field above the list."),
    );
    this.element = h("main", { class: "conversation" }, this.#open, this.#nothing);
    chats.addEventListener("change", ({ detail }) => this.#changed(detail));
    for (const event of ["visibilitychange", "focus"]) {
      addEventListener(event, () => this.#timeline.markRead(), true);
    }
  }

  /** @returns {string|null} with whom */
  get peerId() {
    return this.#chat?.peer.user_id ?? null;
  }

  show(userId) {
    this.#chat = this.#chats.with(userId);
    this.#open.hidden = false;
    this.#nothing.hidden = true;
    this.#showWho();
    this.#load();
    this.#timeline.show(this.#chat);
    this.#composer.show(this.#chat);
    // A phone's keyboard would cover half of what there is to read.
    if (matchMedia("(pointer: fine)").matches) this.#composer.focus();
    else this.#who.focus();
  }

  hide() {
    this.#chat = null;
    this.#open.hidden = true;
    this.#nothing.hidden = false;
  }

  #load() {
    if (this.#chats.loaded && !this.#chat.error) this.#chats.open(this.#chat);
  }

  #changed(chat) {
    if (!this.#chat || (chat && chat !== this.#chat)) return;
    this.#showWho();
    if (this.#chat.conversationId || !chat) this.#load();
    this.#timeline.render();
  }

  #showWho() {
    const { peer, title, isSaved } = this.#chat;
    const line = h("span", { class: "sub" }, h("bdi", {}, isSaved ? "Only you" : `@${peer.user_id}`));
    this.#who.replaceChildren(
      avatar(peer, isSaved),
      h("div", { class: "names" }, h("h1", {}, h("bdi", {}, title)), line),
    );
  }

  #send(client, content) {
    client.send({ to: this.#chat.peer.user_id, content }).catch(() => {}); // the bubble tells
    this.#timeline.toBottom();
  }
}
