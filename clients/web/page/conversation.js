// Owns the conversation on the screen: whose it is, its messages, and the field to answer in.

import { Acquaintance, nobodyView } from "./acquaintance.js";
import { Actions } from "./actions.js";
import { blockedLine } from "./blocks.js";
import { refill } from "./children.js";
import { Composer } from "./composer.js";
import { avatar, h, icon } from "./dom.js";
import { filesIn } from "./dropped.js";
import { Files } from "./files.js";
import { plainName } from "./names.js";
import { Timeline } from "./timeline.js";
import { typingLine } from "./typists.js";

const AGAIN_MS = 30_000; // "last seen 2 minutes ago" grows old

export class Conversation {
  element;
  #chats;
  #client;
  #again;
  #presence;
  #on;
  #chat = null;
  #left = new AbortController(); // another chat is on the screen
  #who = h("div", { class: "who", tabindex: "-1" });
  #sub = h("span", { class: "sub", "aria-live": "polite" });
  #open;
  #nothing;
  #timeline;
  #composer;
  #blocks;
  #blocked;
  #acquaintance;
  #nobody;

  /**
   * @param {{chats: any, client: any, again: import("./again.js").Again, presence: any, toasts: any,
   *          blocks: import("./blocks.js").Blocks, on: {back: () => void,
   *          menu: (chat: any, at: {x: number, y: number}) => void, group: (chat: any) => void,
   *          about: (chat: any, message: any) => void, report: (chat: any, message: any) => void}}} options
   */
  constructor({ chats, client, again, presence, toasts, blocks, on }) {
    this.#chats = chats;
    this.#again = again;
    this.#client = client;
    this.#presence = presence;
    this.#blocks = blocks;
    this.#on = on;
    this.#acquaintance = new Acquaintance({ chats, client, again });
    this.#nobody = nobodyView({ onBack: () => on.back() });
    const actions = this.#actions(toasts);
    const onLost = () => toasts.say("This message no longer exists");
    const files = new Files({ client, again, toasts });
    this.#timeline = new Timeline({ chats, client, actions, files, onLost });
    this.#composer = this.#newComposer(actions, toasts);
    this.#blocked = blockedLine({ onUnblock: () => this.#unblock() });
    this.#open = h(
      "div",
      { class: "open", hidden: true },
      this.#bar(),
      this.#timeline.element,
      this.#composer.element,
      this.#blocked.node,
    );
    this.#nothing = h(
      "div",
      { class: "nothing" },
      icon("chat"),
      h("h2", {}, "Your messages"),
      h("p", {}, "Choose a conversation, or start one with the field above the list."),
    );
    this.element = h("main", { class: "conversation" }, this.#open, this.#nothing, this.#nobody.node);
    this.#listen();
  }

  /** @returns {string|null} of the chat */
  get key() {
    return this.#chat?.key ?? null;
  }

  /** @returns {string|null} null also where nobody has written yet */
  get conversationId() {
    return this.#chat?.conversationId ?? null;
  }

  /** @param {string} key */
  show(key) {
    this.#leave();
    this.#chat = this.#chats.at(key);
    this.#presence.look(this.#chat);
    this.#nothing.hidden = true;
    this.#acquaintance.forget(this.#chat);
    this.#showOpen();
    this.#showWho();
    this.#showField();
    this.#load();
    if (this.#chat.isGroup) this.#meet(this.#chat);
    this.#timeline.show(this.#chat);
    this.#composer.show(this.#chat);
    if (!this.#isTypedElsewhere) this.#focus();
  }

  #focus() {
    // A phone's keyboard would cover half of what there is to read.
    if (matchMedia("(pointer: fine)").matches && !this.#chat.blocked) this.#composer.focus();
    else this.#who.focus();
  }

  /** Somebody types in another field, while a conversation opens that was asked for before. */
  get #isTypedElsewhere() {
    const { activeElement } = document;
    return Boolean(activeElement?.value) && !this.element.contains(activeElement);
  }

  hide() {
    this.#leave();
    this.#chat = null;
    this.#presence.look(null);
    this.#nothing.hidden = false;
    this.#showOpen();
  }

  #leave() {
    this.#client.stopTyping();
    this.#left.abort();
    this.#left = new AbortController();
    if (this.#chat) this.#chats.history.leave(this.#chat);
  }

  /** Brings one of its messages into view. @param {number} messageId */
  goTo(messageId) {
    return this.#timeline.goTo(messageId);
  }

  #actions(toasts) {
    return new Actions({
      chats: this.#chats,
      client: this.#client,
      on: {
        reply: (message) => this.#composer.reply(message, this.#authorOf(message)),
        edit: (message) => this.#composer.edit(message),
        copied: () => toasts.say("Copied"),
        about: (chat, message) => this.#on.about(chat, message),
        report: (chat, message) => this.#on.report(chat, message),
      },
    });
  }

  #newComposer(actions, toasts) {
    return new Composer({
      client: this.#client,
      again: this.#again,
      on: {
        send: (chat, message) => this.#send(chat, message),
        refused: (text) => toasts.say(text),
        edit: (message, content) => this.#edit(message, content),
        typing: () => this.#chat.conversationId && this.#client.typing(this.#chat.conversationId),
        stopTyping: () => this.#client.stopTyping(),
        editLast: () => this.#editLast(actions),
      },
    });
  }

  #bar() {
    const button = (label, drawing, act, more = "") => {
      const properties = { type: "button", class: `round ${more}`, "aria-label": label };
      return h("button", { ...properties, on: { click: act } }, icon(drawing));
    };
    const menu = ({ currentTarget }) => {
      const { left, bottom } = currentTarget.getBoundingClientRect();
      this.#on.menu(this.#chat, { x: left, y: bottom });
    };
    const back = button("Back to all conversations", "back", () => this.#on.back(), "back");
    return h("header", { class: "bar" }, back, this.#who, button("Actions for this conversation", "more", menu));
  }

  #listen() {
    this.#chats.addEventListener("change", ({ detail }) => this.#changed(detail));
    this.#presence.addEventListener("change", () => this.#chat && this.#showWho());
    for (const event of ["visibilitychange", "focus"]) {
      addEventListener(event, () => this.#timeline.markRead(), true);
    }
    for (const event of ["dragover", "dragleave", "drop"]) {
      this.element.addEventListener(event, (dragged) => this.#dropped(dragged));
    }
    setInterval(() => this.#chat && this.#showWho(), AGAIN_MS);
  }

  /** Takes files that are dropped anywhere on the conversation; beside it a browser would open them. */
  #dropped(event) {
    const carries = event.dataTransfer?.types.includes("Files");
    if (!carries) return;
    event.preventDefault();
    this.#open.classList.toggle("dropping", event.type === "dragover");
    if (event.type === "drop" && this.#chat && !this.#chat.blocked) this.#composer.attach(filesIn(event.dataTransfer));
  }

  async #load() {
    const chat = this.#chat;
    if (!this.#chats.loaded || chat.error) return;
    await this.#chats.history.open(chat);
    const silent = !chat.conversationId && !chat.loading && !chat.error;
    if (!silent || chat.isSaved) return;
    this.#blocks.learn(chat);
    this.#acquaintance.learn(chat);
  }

  /** Shows the names and marks of everybody in a group. */
  #meet(chat) {
    if (!this.#chats.loaded || chat.members.size) return;
    const known = chat.role ? Promise.resolve() : this.#chats.fetch(chat.conversationId);
    const meet = () => this.#chats.meetMembers(chat);
    const { signal } = this.#left;
    known.then(() => this.#again.until(meet, { signal })).catch(() => {}); // ids stand in for names
  }

  #changed(chat) {
    if (!this.#chat || (chat && chat !== this.#chat)) return;
    this.#showOpen();
    this.#showWho();
    this.#showField();
    this.#composer.follow();
    if (this.#chat.conversationId || !chat) this.#load();
    if (this.#chat.isGroup && !chat) this.#meet(this.#chat);
    this.#timeline.render();
  }

  #showOpen() {
    this.#open.hidden = !this.#chat || this.#chat.isWithNobody;
    this.#nobody.show(this.#chat);
  }

  #showWho() {
    const { face, title, isSaved, isGroup, peer } = this.#chat;
    const online = Boolean(peer) && !isSaved && this.#presence.isOnline(peer.user_id);
    refill(this.#who, [face, title], () => {
      const picture = h("span", { class: "face" }, avatar(face, isSaved));
      const name = h("h1", {}, isGroup ? this.#groupName(title) : h("bdi", {}, title));
      return [picture, h("div", { class: "names" }, name, this.#sub)];
    });
    this.#who.firstChild.classList.toggle("online", online);
    this.#showSub();
  }

  /** One does not write to whom one has blocked. */
  #showField() {
    this.#composer.element.hidden = this.#chat.blocked;
    this.#blocked.show(this.#chat);
  }

  async #unblock() {
    const chat = this.#chat;
    if ((await this.#blocks.unblock(chat)) && chat === this.#chat) this.#composer.focus();
  }

  #groupName(title) {
    const open = { type: "button", class: "link plain", on: { click: () => this.#on.group(this.#chat) } };
    return h("button", open, h("bdi", {}, title));
  }

  #showSub() {
    const typing = typingLine(this.#chat);
    const text = typing || this.#about();
    this.#sub.classList.toggle("typing", Boolean(typing));
    if (this.#sub.textContent !== text) this.#sub.replaceChildren(h("bdi", {}, text));
  }

  #about() {
    const { isSaved, isGroup, memberCount, peer } = this.#chat;
    if (isSaved) return "Only you";
    if (isGroup) return memberCount ? `${memberCount} member${memberCount > 1 ? "s" : ""}` : "";
    return this.#presence.says(peer.user_id) || `@${plainName(peer.user_id)}`;
  }

  #authorOf({ sender_id }) {
    return sender_id === this.#client.userId ? "yourself" : this.#chat.nameOf(sender_id);
  }

  #send(chat, message) {
    this.#client.send({ ...chat.target, ...message }).catch(() => {}); // the bubble tells
    if (chat !== this.#chat) return;
    this.#client.stopTyping();
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
