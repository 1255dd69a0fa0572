// Owns the notification centre: below the bell on a desk, over the whole screen on a phone.

import { place, refill } from "../children.js";
import { h, icon } from "../dom.js";
import { explain } from "../explain.js";
import { Foot } from "../foot.js";
import { entry } from "./entry.js";
import { filters } from "./filters.js";

const EDGE = 8; // pixels between it and the edge of the window

/** @typedef {import("./feed.js").Notice} Notice */

export class Centre {
  #feed;
  #on;
  #dialog;
  #list = h("ul", { class: "entries", "aria-label": "Notifications", tabindex: "-1" });
  #note = h("div", { class: "note", role: "status" });
  #readAll;
  #foot;
  #entries = new Map(); // a notification as JSON → its node
  #opened = new AbortController();

  /**
   * Opens it; Escape, the cross or a click beside it close it, and the keyboard returns to the bell.
   * @param {{feed: import("./feed.js").Feed, again: import("../again.js").Again, below: HTMLElement,
   *          on: {open: (notice: Notice) => void, settings: () => void,
   *          refused: (message: string) => void}}} options `below`: the bell
   */
  constructor({ feed, again, below, on }) {
    this.#feed = feed;
    this.#on = on;
    this.#foot = new Foot({ rest: this.#list, again, onMore: () => feed.more() });
    this.#readAll = this.#button("Mark all as read", "delivered", () => this.#markAll());
    this.#dialog = this.#assemble();
    this.#list.addEventListener("keydown", (event) => walk(event, this.#list));
    feed.addEventListener("change", () => this.#show(), { signal: this.#opened.signal });
    feed.isShown = true;
    document.body.append(this.#dialog);
    this.#dialog.showModal();
    putBelow(this.#dialog, below);
    this.#list.focus();
    this.#load();
    this.#show();
  }

  #assemble() {
    const close = () => this.#dialog.close();
    const settings = this.#button("Notification settings", "gear", () => {
      close();
      this.#on.settings();
    });
    const buttons = [this.#readAll, settings, this.#button("Close", "close", close)];
    const head = h("header", {}, h("h2", { id: "centre-title" }, "Notifications"), ...buttons);
    const narrow = filters({ feed: this.#feed, onChoose: (filter) => this.#choose(filter) });
    const scroll = h("div", { class: "scroll" }, this.#list, this.#note, this.#foot.element);
    const beside = (event) => event.target === this.#dialog && close();
    const on = { close: () => this.#closed(), pointerdown: beside };
    const how = { class: "centre", "aria-labelledby": "centre-title", on };
    return h("dialog", how, h("div", { class: "frame" }, head, narrow, scroll));
  }

  #button(label, drawing, click) {
    const how = { type: "button", class: "round", "aria-label": label, title: label };
    return h("button", { ...how, on: { click } }, icon(drawing));
  }

  #closed() {
    this.#feed.isShown = false;
    this.#opened.abort();
    this.#foot.close();
    this.#dialog.remove();
  }

  #choose(filter) {
    this.#feed.choose(filter);
    this.#load();
  }

  #load() {
    return this.#foot.load(() => this.#feed.load());
  }

  async #markAll() {
    this.#readAll.disabled = true;
    this.#list.focus();
    await this.#foot.once(() => this.#feed.readAll());
    this.#show();
  }

  /** The server learns that it is read while what it leads to opens. */
  #open(notice) {
    if (notice.conversation_id) this.#dialog.close();
    this.#feed.read(notice).catch((error) => this.#on.refused(explain(error)));
    this.#on.open(notice);
  }

  #show() {
    const { items, loaded, next, unread, filter } = this.#feed;
    const narrowed = filter.unreadOnly || Boolean(filter.type);
    this.#readAll.disabled = !unread;
    this.#list.setAttribute("aria-busy", String(!loaded));
    this.#showItems(items);
    refill(this.#note, [loaded, items.length > 0, narrowed], () => noteFor(loaded, items, narrowed));
    this.#foot.show(Boolean(next));
  }

  /** What is unchanged stays in its place, so that a press on it is a click. */
  #showItems(items) {
    const focused = this.#list.contains(document.activeElement) && document.activeElement.dataset.id;
    const before = this.#entries;
    const made = (one) => before.get(JSON.stringify(one)) ?? entry(one, (notice) => this.#open(notice));
    this.#entries = new Map(items.map((one) => [JSON.stringify(one), made(one)]));
    place(this.#list, [...this.#entries.values()]);
    if (focused && !this.#list.contains(document.activeElement)) this.#focus(focused);
  }

  #focus(id) {
    const entries = [...this.#list.querySelectorAll(".entry")];
    (entries.find(({ dataset }) => dataset.id === id) ?? this.#list).focus();
  }
}

function noteFor(loaded, items, narrowed) {
  if (!loaded) return Array.from({ length: 4 }, () => h("div", { class: "skeleton chat-line", "aria-hidden": "true" }));
  if (items.length) return [];
  const words = narrowed ? "Nothing here with this filter." : "You are all caught up.";
  return [icon("bell"), h("p", {}, words)];
}

/** Below the bell, within the window. A style sheet for a phone overrides it. */
function putBelow(dialog, bell) {
  const { left, bottom } = bell.getBoundingClientRect();
  const most = innerWidth - dialog.offsetWidth - EDGE;
  dialog.style.setProperty("--left", `${Math.max(EDGE, Math.min(left, most))}px`);
  dialog.style.setProperty("--top", `${bottom + EDGE}px`);
}

const STEPS = { ArrowDown: 1, ArrowUp: -1 };

function walk(event, list) {
  const step = STEPS[event.key];
  if (!step) return;
  event.preventDefault();
  const entries = [...list.querySelectorAll(".entry")];
  const here = entries.indexOf(document.activeElement);
  entries[Math.min(Math.max(here + step, 0), entries.length - 1)]?.focus();
}
