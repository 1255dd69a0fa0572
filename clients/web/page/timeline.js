// Owns the list of messages on the screen: what is in it, and where it is scrolled to.

import { bubble, excerpt } from "./bubble.js";
import { place } from "./children.js";
import { h, icon, once } from "./dom.js";
import { listenForMenu } from "./gestures.js";
import { head } from "./head.js";
import { inOrder } from "./order.js";
import { inWords, sentence } from "./sentence.js";
import { dayKey, told } from "./time.js";

const NEAR_TOP = 100; // pixels
const NEAR_BOTTOM = 48;
const FOUND_MS = 1_600;

export class Timeline {
  element;
  #list;
  #down;
  #fresh;
  #chats;
  #client;
  #actions;
  #onLost;
  #files;
  #chat = null;
  #shown = new Map(); // key → {node, show?}
  #atBottom = true;
  #end = 0; // where it is scrolled to while it is at the bottom
  #seenSeq = 0;
  #resized;

  /**
   * @param {{chats: any, client: any, actions: import("./actions.js").Actions,
   *          files: import("./files.js").Files, onLost: () => void}} options `onLost`: a message to go to is not there any more
   */
  constructor({ chats, client, actions, files, onLost }) {
    this.#chats = chats;
    this.#client = client;
    this.#actions = actions;
    this.#onLost = onLost;
    this.#files = files;
    this.#list = h("div", {
      class: "timeline",
      role: "log",
      tabindex: "0",
      on: { scroll: () => this.#scrolled() },
    });
    this.#fresh = h("span", { class: "badge", hidden: true });
    this.#down = h(
      "button",
      {
        type: "button",
        class: "round down",
        "aria-label": "Go to the newest message",
        hidden: true,
        on: { click: () => this.toBottom() },
      },
      icon("down"),
      this.#fresh,
    );
    this.element = h("div", { class: "timeline-frame" }, this.#list, this.#down);
    listenForMenu(this.#list, (row, at) => this.#openMenu(row, at));
    this.#resized = new ResizeObserver(() => this.#showsEnd() && this.#pin());
    this.#resized.observe(this.#list);
  }

  /** @param {import("./chat.js").Chat} chat */
  show(chat) {
    this.#chat = chat;
    this.#shown.clear();
    this.#list.replaceChildren();
    this.#atBottom = true;
    this.#seenSeq = chat.lastSeq;
    this.render();
  }

  render = once(() => this.#render());

  toBottom() {
    this.#atBottom = true;
    this.#pin();
    this.#scrolled();
  }

  /** Brings the message into view, loading back to it. @param {number} messageId */
  async goTo(messageId) {
    const chat = this.#chat;
    const there = await this.#chats.history.reach(chat, messageId);
    if (chat !== this.#chat) return;
    this.#render();
    const row = there && this.#rowOf(chat.thread.find(messageId));
    if (!row?.isConnected) return this.#onLost();
    this.#atBottom = false;
    row.scrollIntoView({ block: "center" });
    row.focus({ preventScroll: true });
    row.classList.add("found");
    setTimeout(() => row.classList.remove("found"), FOUND_MS);
  }

  /** Tells the server, if a person sees the end of the chat: of a window behind another nobody knows. */
  markRead() {
    const looked = document.visibilityState === "visible" && document.hasFocus();
    const visible = looked && this.element.offsetParent !== null;
    if (visible && this.#atBottom && this.#chat?.loaded) this.#chats.read(this.#chat);
  }

  #render() {
    if (!this.#chat) return;
    this.#list.setAttribute("aria-label", `Messages with ${this.#chat.title}`);
    this.#list.setAttribute("aria-busy", String(this.#chat.loading));
    const anchor = this.#showsEnd() ? null : this.#anchor();
    place(this.#list, this.#entries());
    if (anchor) this.#list.scrollTop += anchor.node.offsetTop - anchor.top;
    else this.#pin();
    this.#scrolled();
  }

  /** Returns the first message in view, which must not move when others come above it. */
  #anchor() {
    const { scrollTop } = this.#list;
    for (const node of this.#list.children) {
      const isMessage = node.classList.contains("row");
      if (isMessage && node.offsetTop + node.offsetHeight > scrollTop) {
        return { node, top: node.offsetTop };
      }
    }
    return null;
  }

  #pin() {
    this.#list.scrollTop = this.#list.scrollHeight;
    this.#end = this.#list.scrollTop;
  }

  /** Whether it is at the bottom. The event of a scroll that has just begun is still to come. */
  #showsEnd() {
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    const isLeft = scrollTop < this.#end && scrollHeight - clientHeight - scrollTop >= NEAR_BOTTOM;
    return this.#atBottom && !isLeft;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    this.#atBottom = scrollHeight - clientHeight - scrollTop < NEAR_BOTTOM;
    if (this.#atBottom) {
      this.#end = scrollTop;
      this.#seenSeq = this.#chat?.lastSeq ?? 0;
    }
    const fresh = this.#chat ? this.#chat.lastSeq - this.#seenSeq : 0;
    this.#down.hidden = this.#atBottom;
    this.#fresh.hidden = fresh <= 0;
    this.#fresh.textContent = fresh > 99 ? "99+" : String(fresh);
    this.markRead();
    if (scrollTop < NEAR_TOP && this.#chat && !this.#chat.error) this.#chats.history.older(this.#chat);
  }

  #entries() {
    const chat = this.#chat;
    const { messages, pending, hasMore } = chat;
    const notices = chat.loaded ? chat.notices.told : [];
    const entries = inOrder({ messages, pending, notices, hasMore, me: this.#client.userId });
    return [this.#head(chat), ...entries.map((entry) => this.#entry(chat, entry))];
  }

  #entry(chat, { type, at, item, follows, notice }) {
    if (type === "message") return this.#message(chat, item, follows);
    return type === "day" ? this.#day(at) : this.#notice(chat, notice);
  }

  #notice(chat, notice) {
    const made = this.#keyed(`notice ${notice.cursor}`, sentence);
    made.show(inWords(notice, (user) => chat.nameOf(user), this.#client.userId));
    return made.node;
  }

  #message(chat, item, follows) {
    const author = this.#authorOf(item);
    const own = author === this.#client.userId;
    const entry = this.#keyed(keyOf(author, item), (key) => this.#bubble(chat, author, key));
    entry.item = item;
    const status = own ? chat.statusOf(item) : "received";
    const quoted = item.reply_to && !item.deleted_at ? this.#quoted(chat, item.reply_to) : null;
    entry.show(item, { status, follows, quoted });
    return entry.node;
  }

  #bubble(chat, author, key) {
    const item = () => this.#shown.get(key).item;
    const { userId } = this.#client;
    const made = bubble({
      own: author === userId,
      nameOf: (user) => (user === userId ? "You" : chat.nameOf(user)),
      author,
      among: chat.isGroup,
      me: userId,
      on: {
        retry: (failed) => this.#client.retry(failed).catch(() => {}),
        discard: (failed) => this.#client.discard(failed),
        menu: (at) => this.#actions.menu(chat, item(), at),
        react: (emoji) => this.#actions.react(chat, item(), emoji),
        files: (attachments, stored) => attachments.map((file) => this.#files.show(file, stored)),
        jump: () => this.goTo(item().reply_to),
      },
    });
    made.node.dataset.key = key;
    return made;
  }

  /** Returns what stands above an answer. */
  #quoted(chat, messageId) {
    const known = chat.find(messageId);
    const message = known && chat.shown(known);
    if (message) {
      const author = message.sender_id === this.#client.userId ? "You" : chat.nameOf(message.sender_id);
      return { author, text: excerpt(message), gone: Boolean(message.deleted_at) };
    }
    if (known === undefined) this.#chats.history.quote(chat, messageId);
    const text = known === undefined ? "…" : "Not available";
    return { author: "", text, gone: true };
  }

  #openMenu(row, at) {
    const { item } = this.#shown.get(row.dataset.key);
    this.#actions.menu(this.#chat, item, at);
  }

  #rowOf(message) {
    return message && this.#shown.get(keyOf(this.#authorOf(message), message))?.node;
  }

  #authorOf(item) {
    return item.sender_id ?? this.#client.userId; // what is unsent is one's own
  }

  #day(at) {
    const make = () => ({ node: h("div", { class: "day" }, h("span", {}, told("day", at))) });
    return this.#keyed(`day ${dayKey(at)}`, make).node;
  }

  #head(chat) {
    const made = this.#keyed("head", () => head({ onRetry: () => this.#retry(chat) }));
    made.show(chat);
    return made.node;
  }

  #retry(chat) {
    this.#chats.history.retry(chat);
    this.render();
  }

  #keyed(key, make) {
    if (!this.#shown.has(key)) this.#shown.set(key, make(key));
    return this.#shown.get(key);
  }
}

const keyOf = (author, item) => `${author}/${item.client_id}`;
