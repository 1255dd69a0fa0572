// Owns the list of conversations and the field that finds or begins one.

import { excerpt } from "./bubble.js";
import { avatar, h, icon, once } from "./dom.js";
import { brief, exactly } from "./time.js";
import { typingLine } from "./typists.js";

const NEAR_END = 200; // pixels
const USER_ID = /^[^/\u0000-\u001f\u007f-\u009f]{1,128}$/u;

export const chatPath = (userId) => `/chat/${encodeURIComponent(userId)}/`;

export class Inbox {
  element;
  #chats;
  #onOpen;
  #field;
  #list;
  #note;
  #begin;
  #rows = new Map();
  #current = null;
  #error = null;
  #loadingMore = false;

  /** @param {{chats: any, header: Node, onOpen: (userId: string) => void}} options */
  constructor({ chats, header, onOpen }) {
    this.#chats = chats;
    this.#onOpen = onOpen;
    this.#field = h("input", {
      id: "find",
      type: "search",
      placeholder: "Find or start a conversation",
      "aria-label": "Find or start a conversation",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      maxlength: "128",
      on: { input: () => this.render() },
    });
    this.#begin = h("button", { type: "submit", class: "begin", hidden: true });
    this.#list = h("ul", { class: "chats", on: { click: (event) => this.#clicked(event) } });
    this.#note = h("div", { class: "note", role: "status" });
    const find = h("div", { class: "find" }, icon("search"), this.#field);
    this.element = h(
      "nav",
      { class: "inbox", "aria-label": "Conversations" },
      header,
      h("form", { on: { submit: (event) => this.#submit(event) } }, find, this.#begin),
      h("div", { class: "scroll", on: { scroll: (event) => this.#scrolled(event.target) } },
        this.#list, this.#note),
    );
    chats.addEventListener("change", () => this.render());
    this.render();
  }

  /** Which conversation is on the screen. @param {string|null} userId */
  select(userId) {
    this.#current = userId;
    this.#field.value = "";
    this.render();
  }

  /** Where the keyboard was before that conversation was opened. @param {string} userId */
  focus(userId) {
    this.#rows.get(userId)?.node.querySelector("a").focus();
  }

  /** The inbox cannot be loaded. @param {{message: string, retry: () => void}|null} error */
  fail(error) {
    this.#error = error;
    this.render();
  }

  render = once(() => this.#render());

  #render() {
    const wanted = this.#field.value.trim().toLowerCase();
    const matches = ({ peer, title }) =>
      [peer.user_id, title].some((text) => text.toLowerCase().includes(wanted));
    const chats = this.#chats.inbox.filter(matches);
    const rows = chats.map((chat) => this.#row(chat));
    if (rows.some((row, place) => row !== this.#list.children[place]) || !rows.length) {
      this.#list.replaceChildren(...rows);
    }
    while (this.#list.children.length > rows.length) this.#list.lastChild.remove();
    this.#showBegin(wanted && !chats.some(({ peer }) => peer.user_id.toLowerCase() === wanted));
    this.#note.replaceChildren(...this.#noteFor(chats.length, wanted));
  }

  #showBegin(possible) {
    const name = this.#field.value.trim();
    this.#begin.hidden = !possible || !USER_ID.test(name);
    this.#begin.replaceChildren(icon("plus"), h("span", {}, "Write to ", h("bdi", {}, name)));
  }

  #noteFor(count, wanted) {
    if (this.#error) {
      const again = { type: "button", on: { click: this.#error.retry } };
      return [icon("cloud"), h("p", {}, this.#error.message), h("button", again, "Try again")];
    }
    if (!this.#chats.loaded) return skeleton();
    if (count || wanted) return [];
    return [icon("chat"), h("p", {}, "No conversations yet. Type somebody’s user id above.")];
  }

  #row(chat) {
    const id = chat.peer.user_id;
    if (!this.#rows.has(id)) this.#rows.set(id, row(chat));
    const { node, show } = this.#rows.get(id);
    show(chat, id === this.#current, this.#chats.me);
    return node;
  }

  #clicked(event) {
    const link = event.target.closest("a");
    const elsewhere = event.metaKey || event.ctrlKey || event.shiftKey || event.button;
    if (!link || elsewhere) return;
    event.preventDefault();
    this.#onOpen(link.dataset.peer);
  }

  #submit(event) {
    event.preventDefault();
    const name = this.#field.value.trim();
    const known = this.#chats.inbox.find(({ peer, title }) => peer.user_id === name || title === name);
    if (known || USER_ID.test(name)) this.#onOpen(known?.peer.user_id ?? name);
  }

  async #scrolled({ scrollTop, scrollHeight, clientHeight }) {
    if (this.#loadingMore || scrollHeight - clientHeight - scrollTop > NEAR_END) return;
    this.#loadingMore = true;
    await this.#chats.more().catch(() => {}); // scrolling on asks again
    this.#loadingMore = false;
  }
}

function row({ peer }) {
  const parts = {
    face: h("span", { class: "face" }),
    name: h("bdi", { class: "name" }),
    time: h("time", {}),
    preview: h("span", { class: "preview", dir: "auto" }),
    badge: h("span", { class: "badge", role: "img" }),
  };
  const lines = h("span", { class: "lines" },
    h("span", { class: "line" }, parts.name, parts.time),
    h("span", { class: "line" }, parts.preview, parts.badge));
  const link = h("a", { href: chatPath(peer.user_id), "data-peer": peer.user_id }, parts.face, lines);
  const node = h("li", {}, link);
  return { node, show: (chat, current, me) => show(chat, { current, me, link, ...parts }) };
}

function show(chat, { current, me, link, face, name, time, preview, badge }) {
  if (name.textContent !== chat.title) {
    name.textContent = chat.title;
    face.replaceChildren(avatar(chat.peer, chat.isSaved));
  }
  if (current) link.setAttribute("aria-current", "page");
  else link.removeAttribute("aria-current");
  link.classList.toggle("unread", chat.unread > 0);
  const said = chat.preview;
  time.textContent = brief(said.created_at);
  time.dateTime = said.created_at;
  time.title = exactly(said.created_at);
  preview.replaceChildren(...previewOf(chat, said, me));
  badge.hidden = !chat.unread;
  badge.textContent = chat.unread > 99 ? "99+" : String(chat.unread);
  badge.setAttribute("aria-label", `${chat.unread} unread`);
}

function previewOf(chat, said, me) {
  const typing = typingLine(chat);
  if (typing) return [h("span", { class: "typing" }, typing)];
  const text = said.deleted_at ? h("em", {}, excerpt(said)) : excerpt(said);
  const own = (said.sender_id ?? me) === me;
  if (!own || chat.isSaved) return [text];
  const status = chat.statusOf(said);
  const mark = h("span", { class: "tick", "data-status": status }, icon(status, status));
  return said.deleted_at ? ["You: ", text] : [mark, "You: ", text];
}

function skeleton() {
  return Array.from({ length: 5 }, () => h("div", { class: "skeleton chat-line", "aria-hidden": "true" }));
}
