// Owns the list of conversations and the field that finds or begins one.

import { place, refill } from "./children.js";
import { h, icon, once } from "./dom.js";
import { Found } from "./found.js";
import { listenForMenu } from "./gestures.js";
import { Hits } from "./hits.js";
import { line } from "./line.js";
import { plainName } from "./names.js";

const NEAR_END = 200; // pixels
const USER_ID = /^(?!\.\.?$)[^/\u0000-\u001f\u007f-\u009f]{1,128}$/u;

export class Inbox {
  element;
  #chats;
  #again;
  #presence;
  #onOpen;
  #onMenu;
  #field;
  #list;
  #note;
  #begin;
  #filters;
  #found;
  #hits;
  #rows = new Map();
  #current = null;
  #error = null;
  #loadingMore = false;
  #filter = ""; // or "unread", or "archived"

  /**
   * @param {{chats: any, client: any, again: import("./again.js").Again, presence: any, header: Node,
   *          on: {open: (key: string, messageId?: number) => void,
   *          menu: (chat: any, at: {x: number, y: number}) => void, group: () => void}}} options
   */
  constructor({ chats, client, again, presence, header, on }) {
    this.#chats = chats;
    this.#again = again;
    this.#presence = presence;
    this.#onOpen = (key, messageId) => {
      this.clear();
      on.open(key, messageId);
    };
    this.#onMenu = on.menu;
    this.#field = h("input", {
      id: "find",
      dir: "auto",
      type: "search",
      placeholder: "Find or start a conversation",
      "aria-label": "Find or start a conversation",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      maxlength: "128",
      on: { input: () => this.#typed() },
    });
    const begin = () => this.#onOpen(this.#field.value.trim());
    this.#begin = h("button", { type: "button", class: "begin", hidden: true, on: { click: begin } });
    this.#list = h("ul", { class: "chats", on: { click: (event) => this.#clicked(event) } });
    this.#note = h("div", { class: "note", role: "status" });
    this.#filters = h("div", { class: "filters", role: "group", "aria-label": "Show only" });
    const { names } = chats;
    this.#found = new Found({ names, client, again, onOpen: this.#onOpen, onChange: () => this.render() });
    const isSaid = (text) => this.#found.says(text);
    this.#hits = new Hits({ chats, client, again, isSaid, onOpen: this.#onOpen });
    this.element = this.#assemble(header, on.group);
    const openMenu = (row, at) => on.menu(chats.at(row.querySelector("a").dataset.key), at);
    listenForMenu(this.#list, openMenu, "li");
    chats.addEventListener("change", () => this.render());
    presence.addEventListener("change", () => this.render());
    this.render();
  }

  /** Marks the conversation that is on the screen. @param {string|null} key */
  select(key) {
    this.#current = key;
    this.render();
  }

  /** Ends the search: what was looked for is found. */
  clear() {
    this.#field.value = "";
    this.#hits.search("");
    this.#found.search("", []);
    this.render();
  }

  /** Puts the keyboard back to where it was before that conversation was opened. @param {string} key */
  focus(key) {
    this.#rows.get(key)?.node.querySelector("a").focus();
  }

  /** Says that the inbox cannot be loaded. @param {{message: string, retry: () => void}|null} error */
  fail(error) {
    this.#error = error;
    this.render();
  }

  render = once(() => this.#render());

  #assemble(header, onGroup) {
    const group = { type: "button", class: "round", "aria-label": "New group", title: "New group" };
    const find = h("div", { class: "find" }, icon("search"), this.#field);
    const top = h("div", { class: "top" }, find, h("button", { ...group, on: { click: onGroup } }, icon("group")));
    const scroll = { class: "scroll", on: { scroll: (event) => this.#scrolled(event.target) } };
    return h(
      "nav",
      { class: "inbox", "aria-label": "Conversations" },
      header,
      h("form", { on: { submit: (event) => this.#submit(event) } }, top, this.#begin),
      h("div", scroll, this.#filters, this.#list, this.#note, this.#found.element, this.#hits.element),
    );
  }

  #render() {
    const wanted = this.#field.value.trim().toLowerCase();
    const matches = ({ key, title }) => [key, title].some((text) => text.toLowerCase().includes(wanted));
    const all = this.#chats.inbox;
    const chats = (wanted ? all : all.filter((chat) => this.#isListed(chat))).filter(matches);
    place(this.#list, chats.map((chat) => this.#row(chat)));
    this.#found.search(this.#field.value, chats.map(({ key }) => key));
    this.#hits.render();
    this.#showBegin(wanted && !this.#found.isSomebody && !chats.some(({ key }) => key.toLowerCase() === wanted));
    this.#showFilters(all, wanted);
    this.#showNote(chats.length > 0 || Boolean(wanted));
  }

  #showBegin(possible) {
    const name = this.#field.value.trim();
    this.#begin.hidden = !possible || !USER_ID.test(name);
    this.#begin.replaceChildren(icon("plus"), h("span", {}, "Write to ", h("bdi", {}, plainName(name))));
  }

  #isListed({ key, archived, unread }) {
    if (archived !== (this.#filter === "archived")) return false;
    return this.#filter !== "unread" || unread > 0 || key === this.#current;
  }

  #showFilters(all, wanted) {
    const archived = all.filter((chat) => chat.archived).length;
    const unread = all.filter((chat) => chat.unread && !chat.archived).length;
    const possible = [
      { name: "unread", text: `Unread (${unread})`, count: unread },
      { name: "archived", text: `Archived (${archived})`, count: archived },
    ];
    const offered = possible.filter(({ name, count }) => !wanted && (count || name === this.#filter));
    refill(this.#filters, [offered, this.#filter], () => offered.map((one) => this.#filterButton(one)));
  }

  #filterButton({ name, text }) {
    const pressed = name === this.#filter;
    const click = () => {
      this.#filter = pressed ? "" : name;
      this.render();
    };
    const state = { "data-name": name, "aria-pressed": String(pressed) };
    return h("button", { type: "button", class: "chip", ...state, on: { click } }, text);
  }

  #showNote(needless) {
    const key = [this.#error?.message, this.#chats.loaded, needless, this.#filter];
    refill(this.#note, key, () => this.#noteFor(needless));
  }

  #noteFor(needless) {
    if (this.#error) {
      const again = { type: "button", on: { click: () => this.#error?.retry() } };
      return [icon("cloud"), h("p", {}, this.#error.message), h("button", again, "Try again")];
    }
    if (!this.#chats.loaded) return skeleton();
    if (needless) return [];
    if (this.#filter) return [icon("chat"), h("p", {}, `Nothing is ${this.#filter}.`)];
    return [icon("chat"), h("p", {}, "No conversations yet. Type somebody’s name above.")];
  }

  #row(chat) {
    const { key } = chat;
    if (this.#rows.get(key)?.chat !== chat) {
      this.#rows.set(key, { chat, ...line({ chat, me: this.#chats.me, onMenu: this.#onMenu }) });
    }
    const { node, show } = this.#rows.get(key);
    const online = Boolean(chat.peer) && this.#presence.isOnline(chat.peer.user_id);
    show({ current: key === this.#current, online });
    return node;
  }

  #typed() {
    this.#hits.search(this.#field.value);
    this.render();
  }

  #clicked(event) {
    const link = event.target.closest("a");
    const elsewhere = event.metaKey || event.ctrlKey || event.shiftKey || event.button;
    if (!link || elsewhere) return;
    event.preventDefault();
    this.#onOpen(link.dataset.key);
  }

  /** Opens what is meant: a conversation, else somebody who is found, else whoever has this id. */
  async #submit(event) {
    event.preventDefault();
    const name = this.#field.value.trim();
    const known = this.#chats.inbox.find(({ key, title }) => key === name || title === name);
    const key = known?.key ?? (await this.#found.meant()) ?? name;
    const goesOn = this.#field.value.trim() === name; // nothing else was typed or opened meanwhile
    if (goesOn && (known || USER_ID.test(key))) this.#onOpen(key);
  }

  async #scrolled({ scrollTop, scrollHeight, clientHeight }) {
    if (this.#loadingMore || scrollHeight - clientHeight - scrollTop > NEAR_END) return;
    this.#loadingMore = true;
    await this.#again.until(() => this.#chats.more()).catch(() => {}); // scrolling on asks again
    this.#loadingMore = false;
  }
}

function skeleton() {
  return Array.from({ length: 5 }, () => h("div", { class: "skeleton chat-line", "aria-hidden": "true" }));
}
