// Owns the list of messages on the screen: what is in it, and where it is scrolled to.

import { bubble } from "./bubble.js";
import { h, icon, once } from "./dom.js";
import { day, dayKey } from "./time.js";

const NEAR_TOP = 100; // pixels
const NEAR_BOTTOM = 48;
const TOGETHER_MS = 5 * 60_000;

export class Timeline {
  element;
  #list;
  #down;
  #fresh;
  #chats;
  #client;
  #chat = null;
  #shown = new Map(); // key → {node, show?}
  #atBottom = true;
  #seenSeq = 0;
  #resized;

  constructor({ chats, client }) {
    this.#chats = chats;
    this.#client = client;
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
    this.#resized = new ResizeObserver(() => this.#atBottom && this.#pin());
    this.#resized.observe(this.#list);
  }

  /** @param {import("./chat.js").Chat} chat */
  show(chat) {
    this.#chat = chat;
    this.#shown.clear();
    this.#list.replaceChildren();
    this.#list.setAttribute("aria-label", `Messages with ${chat.title}`);
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

  /** Tells the server, if a person can indeed see the end of the chat. */
  markRead() {
    const { element } = this;
    const visible = document.visibilityState === "visible" && element.offsetParent !== null;
    if (visible && this.#atBottom && this.#chat?.loaded) this.#chats.read(this.#chat);
  }

  #render() {
    if (!this.#chat) return;
    this.#list.setAttribute("aria-busy", String(this.#chat.loading));
    const anchor = this.#atBottom ? null : this.#anchor();
    this.#place(this.#entries());
    if (anchor) this.#list.scrollTop += anchor.node.offsetTop - anchor.top;
    else this.#pin();
    this.#scrolled();
  }

  /** The first message in view, which must not move when others come above it. */
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
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.#list;
    this.#atBottom = scrollHeight - clientHeight - scrollTop < NEAR_BOTTOM;
    if (this.#atBottom) this.#seenSeq = this.#chat?.lastSeq ?? 0;
    const fresh = this.#chat ? this.#chat.lastSeq - this.#seenSeq : 0;
    this.#down.hidden = this.#atBottom;
    this.#fresh.hidden = fresh <= 0;
    this.#fresh.textContent = fresh > 99 ? "99+" : String(fresh);
    this.markRead();
    if (scrollTop < NEAR_TOP && this.#chat && !this.#chat.error) this.#chats.older(this.#chat);
  }

  #place(nodes) {
    let next = this.#list.firstChild;
    for (const node of nodes) {
      if (node === next) next = next.nextSibling;
      else this.#list.insertBefore(node, next);
    }
    while (next) {
      const gone = next;
      next = next.nextSibling;
      gone.remove();
    }
  }

  #entries() {
    const chat = this.#chat;
    const nodes = [this.#head(chat)];
    let before = null;
    for (const item of [...chat.messages, ...chat.pending]) {
      const sameDay = before && dayKey(before.created_at) === dayKey(item.created_at);
      if (!sameDay) nodes.push(this.#day(item.created_at));
      nodes.push(this.#message(chat, item, sameDay && this.#follows(before, item)));
      before = item;
    }
    return nodes;
  }

  #message(chat, item, follows) {
    const author = this.#authorOf(item);
    const own = author === this.#client.userId;
    const entry = this.#keyed(`${author}/${item.client_id}`, () =>
      bubble({
        message: item,
        own,
        author: own ? "You" : chat.title,
        onRetry: (failed) => this.#client.retry(failed).catch(() => {}),
        onDiscard: (failed) => this.#client.discard(failed),
      }),
    );
    entry.show(item, own ? chat.statusOf(item) : "received", Boolean(follows));
    return entry.node;
  }

  #authorOf(item) {
    return item.sender_id ?? this.#client.userId; // what is unsent is one's own
  }

  #follows(before, item) {
    const gap = new Date(item.created_at) - new Date(before.created_at);
    return this.#authorOf(before) === this.#authorOf(item) && gap < TOGETHER_MS;
  }

  #day(at) {
    const make = () => ({ node: h("div", { class: "day" }, h("span", {}, day(at))) });
    return this.#keyed(`day ${dayKey(at)}`, make).node;
  }

  #head(chat) {
    const { node } = this.#keyed("head", () => ({ node: h("div", { class: "head" }) }));
    const state = stateOf(chat);
    if (node.dataset.state !== state) {
      node.dataset.state = state;
      node.replaceChildren(...this.#headOf(chat, state));
    }
    return node;
  }

  #headOf(chat, state) {
    if (state === "loading") return skeleton();
    if (state === "more") return [h("span", { class: "spinner", "aria-hidden": "true" })];
    if (state === "error") {
      const retry = () => {
        chat.error = "";
        this.#chats.open(chat);
        this.#chats.older(chat);
        this.render();
      };
      const again = h("button", { type: "button", on: { click: retry } }, "Try again");
      return [h("p", { role: "alert" }, chat.error), again];
    }
    if (state === "start") return [h("p", {}, "This is the beginning of the conversation.")];
    const greeting = chat.isSaved
      ? "Keep notes, links and drafts here. Only you can see them."
      : `Nothing here yet. Say hello to ${chat.title}.`;
    return [h("p", { class: "greeting" }, icon(chat.isSaved ? "bookmark" : "chat"), greeting)];
  }

  #keyed(key, make) {
    if (!this.#shown.has(key)) this.#shown.set(key, make());
    return this.#shown.get(key);
  }
}

function stateOf(chat) {
  if (chat.error) return "error";
  if (chat.loading && !chat.loaded) return "loading";
  if (chat.hasMore) return "more";
  return chat.messages.length + chat.pending.length ? "start" : "empty";
}

function skeleton() {
  const widths = ["w40", "w60 own", "w30", "w50 own", "w60", "w40 own"];
  return widths.map((width) => h("div", { class: `skeleton ${width}`, "aria-hidden": "true" }));
}
