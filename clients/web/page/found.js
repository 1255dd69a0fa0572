// Owns the list of people found by name, to whom nothing has been written yet.

import { place } from "./children.js";
import { avatar, h } from "./dom.js";
import { Finder } from "./finder.js";
import { chatPath } from "./line.js";
import { plainName } from "./names.js";

const PAGE = 10;

export class Found {
  element;
  #me;
  #names;
  #onOpen;
  #onChange;
  #finder;
  #people = []; // found, in order
  #q = "";
  #known = new Set(); // keys of the conversations that are shown already
  #rows = new Map(); // user_id → {person, node}
  #list = h("ul", { class: "finds" });
  #note = h("p", { class: "hits-note", role: "status" });
  #more;

  /**
   * @param {{names: Map<string, string>, client: any, again: import("./again.js").Again,
   *          onOpen: (key: string) => void, onChange: () => void}} options
   */
  constructor({ names, client, again, onOpen, onChange }) {
    this.#me = client.userId;
    this.#names = names;
    this.#onOpen = onOpen;
    this.#onChange = onChange;
    const found = (people, how) => this.#found(people, how);
    const failed = (text) => this.#say(text);
    this.#finder = new Finder({ client, again, limit: PAGE, on: { found, failed } });
    const next = { type: "button", hidden: true, on: { click: () => this.#finder.more() } };
    this.#more = h("button", next, "More people");
    this.element = h(
      "section",
      { class: "found-people", "aria-label": "Found by name", hidden: true },
      h("h2", {}, "People"),
      this.#list,
      this.#note,
      this.#more,
    );
  }

  /** Looks for these words; `known` are the conversations shown for them. @param {string} text */
  search(text, known) {
    this.#known = new Set(known);
    this.#finder.search(text);
    if (text.trim() !== this.#q) {
      this.#q = text.trim();
      this.#people = [];
      this.#more.hidden = true;
      this.#note.textContent = "";
    }
    this.#show();
  }

  /** Returns whoever is meant by what was typed: that very id, else the first one found. @returns {Promise<string|undefined>} */
  async meant() {
    await this.#finder.settled();
    if (this.#q === this.#me) return this.#me;
    const exact = this.#people.find(({ user_id }) => user_id === this.#q);
    return (exact ?? this.#people[0])?.user_id;
  }

  #found(people, { first, goesOn }) {
    this.#people = first ? people : [...this.#people, ...people];
    for (const { user_id, name } of people) if (name) this.#names.set(user_id, name);
    this.#note.textContent = "";
    this.#more.hidden = !goesOn;
    this.#onChange();
  }

  /** Returns whether somebody is shown. */
  get isSomebody() {
    return this.#list.children.length > 0;
  }

  /** Returns whether it says that. @param {string} text */
  says(text) {
    return text !== "" && this.#note.textContent === text;
  }

  #say(text) {
    this.#note.textContent = text;
    this.#onChange();
  }

  #show() {
    const shown = this.#people.filter(({ user_id }) => !this.#known.has(user_id));
    place(this.#list, shown.map((person) => this.#row(person)));
    this.element.hidden = !shown.length && !this.#note.textContent && this.#more.hidden;
  }

  #row(person) {
    const { user_id } = person;
    if (this.#rows.get(user_id)?.person !== person) this.#rows.set(user_id, { person, node: this.#newRow(person) });
    return this.#rows.get(user_id).node;
  }

  #newRow(person) {
    const click = (event) => {
      if (event.metaKey || event.ctrlKey || event.shiftKey) return;
      event.preventDefault();
      this.#onOpen(person.user_id);
    };
    const name = h("bdi", { class: "name" }, plainName(person.name ?? person.user_id));
    const lines = h("span", { class: "lines" }, h("span", { class: "line" }, name));
    return h("li", {}, h("a", { href: chatPath(person.user_id), on: { click } }, avatar(person), lines));
  }
}
