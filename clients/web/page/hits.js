// Owns what was found in the messages: the words asked for, and where they were said.

import { avatar, h } from "./dom.js";
import { chatPath } from "./line.js";
import { told } from "./time.js";

const PAUSE_MS = 250; // a person types on
const MOST_EMPTY = 10; // pages in a row: half a million messages; then "more" asks on
const PAGE = 20;
const AROUND = 30; // characters before the first word found
// One letter of an alphabet is in nearly everything said. One of the other scripts may be a word.
const ENOUGH = /..|[\p{Lo}\p{Lm}\p{Extended_Pictographic}\p{Regional_Indicator}]/su;

export class Hits {
  element;
  #chats;
  #api;
  #again;
  #isSaid;
  #onOpen;
  #list = h("ul", { class: "hits" });
  #text = ""; // of the note
  #note = h("p", { class: "hits-note", role: "status" });
  #more;
  #timer = 0;
  #asked = { q: "" };
  #other = new AbortController(); // other words are looked for

  /**
   * @param {{chats: any, client: any, again: import("./again.js").Again,
   *          isSaid: (text: string) => boolean, onOpen: (key: string, messageId: number) => void}} options
   *        `isSaid`: the page says that already, above what is found here
   */
  constructor({ chats, client, again, isSaid, onOpen }) {
    this.#chats = chats;
    this.#again = again;
    this.#api = client.api;
    this.#isSaid = isSaid;
    this.#onOpen = onOpen;
    const next = { type: "button", hidden: true, on: { click: () => this.#ask(this.#asked) } };
    this.#more = h("button", next, "More");
    this.element = h(
      "section",
      { class: "found-said", "aria-label": "Messages", hidden: true },
      h("h2", {}, "Messages"),
      this.#list,
      this.#note,
      this.#more,
    );
  }

  /** Looks for these words, once there is a pause. @param {string} text */
  search(text) {
    const q = text.trim();
    if (q === this.#asked.q) return;
    clearTimeout(this.#timer);
    this.#asked = { q };
    this.#other.abort();
    this.#other = new AbortController();
    this.render();
    if (ENOUGH.test(q)) this.#timer = setTimeout(() => this.#ask(this.#asked), PAUSE_MS);
  }

  /** Shows what is found, and says what is not said above already. */
  render() {
    const isSaid = this.#isSaid(this.#text);
    this.#note.textContent = isSaid ? "" : this.#text;
    this.element.hidden = !ENOUGH.test(this.#asked.q) || (isSaid && !this.#list.children.length);
  }

  #say(text) {
    this.#text = text;
    this.render();
  }

  async #ask(asked) {
    this.#more.hidden = true;
    const onFailed = (error) => asked === this.#asked && this.#say(error.message);
    const how = { signal: this.#other.signal, onFailed };
    try {
      const { messages, next } = await this.#again.until(() => this.#page(asked), how);
      if (asked === this.#asked) await this.#show(asked, messages, next);
    } catch (error) {
      if (asked === this.#asked) this.#say(error.message);
    }
  }

  /** The server ends a long search early: goes on until there is something to show. */
  async #page(asked) {
    let page = { messages: [], next: asked.next };
    for (let empty = 0; empty < MOST_EMPTY && asked === this.#asked; empty += 1) {
      page = await this.#api.search({ q: asked.q, limit: PAGE, before: page.next });
      if (page.messages.length || !page.next) break;
    }
    return page;
  }

  async #show(asked, messages, next) {
    const first = asked.next === undefined;
    const ids = [...new Set(messages.map(({ conversation_id }) => conversation_id))];
    const found = await Promise.allSettled(ids.map((id) => this.#chats.of(id)));
    if (asked !== this.#asked) return;
    const chats = new Map(ids.map((id, place) => [id, found[place].value]));
    const hits = messages.filter(({ conversation_id }) => chats.get(conversation_id));
    const nodes = hits.map((message) => this.#hit(chats.get(message.conversation_id), message, asked.q));
    if (first) this.#list.replaceChildren(...nodes);
    else this.#list.append(...nodes);
    asked.next = next ?? undefined;
    this.#more.hidden = !next;
    this.#say(this.#list.children.length || next ? "" : "No messages found");
  }

  #hit(chat, message, q) {
    const click = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.#onOpen(chat.key, message.message_id);
    };
    const time = told("brief", message.created_at);
    const who = message.sender_id === this.#chats.me ? "You" : chat.nameOf(message.sender_id);
    const said = h("span", { class: "preview", dir: "auto" }, h("bdi", {}, who), ": ", ...marked(message.content, q));
    const lines = h(
      "span",
      { class: "lines" },
      h("span", { class: "line" }, h("bdi", { class: "name" }, chat.title), time),
      h("span", { class: "line" }, said),
    );
    const link = { href: chatPath(chat.key), on: { click } };
    return h("li", {}, h("a", link, avatar(chat.face, chat.isSaved), lines));
  }
}

/** The text around the first word, with the words marked where they stand as they were typed. */
function marked(content, q) {
  const words = q.toLowerCase().split(/\s+/u).filter(Boolean);
  const flat = content.replace(/\s+/gu, " ");
  const places = words.map((word) => flat.toLowerCase().indexOf(word)).filter((place) => place >= 0);
  const from = Math.max(0, Math.min(...places, flat.length) - AROUND);
  const text = places.length ? (from ? "…" : "") + flat.slice(from) : flat;
  return split(text.slice(0, 160), words);
}

function split(text, words) {
  const escaped = words.map((word) => word.replace(/[.*+?^${}()|[\]\\]/gu, "\\$&"));
  const parts = text.split(new RegExp(`(${escaped.join("|")})`, "giu"));
  return parts.map((part, place) => (place % 2 ? h("mark", {}, part) : part));
}
