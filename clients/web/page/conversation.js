// Owns the conversation on the screen: whose it is, its messages, and the field to answer in.

import { Actions } from "./actions.js";
import { Composer } from "./composer.js";
import { avatar, h, icon } from "./dom.js";
import { Timeline } from "./timeline.js";
import { typingLine } from "./typists.js";

export class Conversation {
  element;
  #chats;
  #client;
  #chat = null;
  #who;
  #sub;
  #open;
  #nothing;
  #timeline;
  #composer;

  /** @param {{chats: any, client: any, toasts: any, onBack: () => void}} options */
  constructor({ chats, client, toasts, onBack }) {
    this.#chats = chats;
    this.#client = client;
    this.#who = h("div", { class: "who", tabindex: "-1" });
    this.#sub = h("span", { class: "sub", "aria-live": "polite" });
    const actions = new Actions({
      chats,
      on: {
        reply: (message) => this.#composer.reply(message, this.#authorOf(message)),
        edit: (message) => this.#composer.edit(message),
        copied: () => toasts.say("Copied"),
      },
    });
    const onLost = () => toasts.say("That message is not there any more");
    this.#timeline = new Timeline({ chats, client, actions, onLost });
    this.#composer = new Composer({
      on: {
        send: (content, replyTo) => this.#send(content, replyTo),
        edit: (message, content) => this.#edit(message, content),
        typing: () => this.#chat.conversationId && client.typing(this.#chat.conversationId),
        stopTyping: () => client.stopTyping(),
        editLast: () => this.#editLast(actions),
      },
    });
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
    this.#client.stopTyping();
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
    this.#client.stopTyping();
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
    const key = JSON.stringify([peer, title]);
    if (this.#who.dataset.key !== key) {
      this.#who.dataset.key = key;
      const name = h("h1", {}, h("bdi", {}, title));
      this.#who.replaceChildren(avatar(peer, isSaved), h("div", { class: "names" }, name, this.#sub));
    }
    this.#showSub(isSaved ? "Only you" : `@${peer.user_id}`);
  }

  #showSub(otherwise) {
    const typing = typingLine(this.#chat);
    const text = typing || otherwise;
    this.#sub.classList.toggle("typing", Boolean(typing));
    if (this.#sub.textContent !== text) this.#sub.replaceChildren(h("bdi", {}, text));
  }

  #authorOf({ sender_id }) {
    return sender_id === this.#client.userId ? "yourself" : this.#chat.nameOf(sender_id);
  }

  #send(content, reply_to) {
    this.#client.stopTyping();
    const to = this.#chat.peer.user_id;
    this.#client.send({ to, content, reply_to }).catch(() => {}); // the bubble tells
    this.#timeline.toBottom();
  }

  #edit(message, content) {
    if (content !== message.content) this.#chats.hopes.edit(this.#chat, message, content);
  }

  #editLast(actions) {
    const last = this.#chat.messages.findLast((message) => actions.mayEdit(message));
    if (last) this.#composer.edit(last);
  }
}
