// Owns the field in which people are named: one after the other, each a chip that can be taken out.

import { h, icon } from "./dom.js";
import { Finder } from "./finder.js";
import { plainName } from "./names.js";

const USER_ID = /^(?!\.\.?$)[^/\u0000-\u001f\u007f-\u009f]{1,128}$/u;
const OFFERED = 20;

export class PeopleField {
  element;
  #names;
  #chosen = [];
  #chips = h("ul", { class: "chosen" });
  #offers = h("datalist", { id: "people-known" });
  #field;
  #finder;

  /**
   * @param {{names: Map<string, string>, label: string, client: any,
   *          again: import("./again.js").Again}} options `names`: those of all people known
   */
  constructor({ names, label, client, again }) {
    this.#names = names;
    const on = { found: (people) => this.#offer(people), failed: () => {} };
    this.#finder = new Finder({ client, again, limit: OFFERED, on });
    this.#field = h("input", {
      id: "people",
      dir: "auto",
      list: "people-known",
      placeholder: "Name or user id, then Enter",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      maxlength: "128",
      on: { keydown: (event) => this.#key(event), input: (event) => this.#typed(event) },
    });
    this.element = h(
      "div",
      { class: "people-field" },
      h("label", { for: "people" }, label),
      this.#chips,
      this.#field,
      this.#offers,
    );
    this.#show();
  }

  /** Returns everybody who is named, also the one being typed. @returns {string[]} */
  get value() {
    this.#take();
    return [...this.#chosen];
  }

  clear() {
    this.#chosen = [];
    this.#field.value = "";
    this.#show();
  }

  focus() {
    this.#field.focus();
  }

  #key(event) {
    const typed = this.#field.value.trim();
    if ((event.key === "Enter" || event.key === ",") && typed) {
      event.preventDefault();
      this.#take();
    } else if (event.key === "Backspace" && !this.#field.value && this.#chosen.length) {
      this.#drop(this.#chosen.at(-1));
    }
  }

  /** A choice from the list is taken at once. On leaving the field nothing may move: a click follows. */
  #typed({ inputType = "insertReplacementText" }) {
    if (inputType === "insertReplacementText" && this.#names.has(this.#field.value)) this.#take();
    else this.#finder.search(this.#field.value);
  }

  /** @param {import("./finder.js").Person[]} people */
  #offer(people) {
    for (const { user_id, name } of people) this.#names.set(user_id, name ?? user_id);
    this.#offerNames();
  }

  #offerNames() {
    const offers = [...this.#names].map(([id, name]) => h("option", { value: id }, plainName(name)));
    this.#offers.replaceChildren(...offers);
  }

  #take() {
    const typed = this.#field.value.split(",").map((one) => this.#meant(one.trim()));
    for (const user of typed) {
      if (USER_ID.test(user) && !this.#chosen.includes(user)) this.#chosen.push(user);
    }
    this.#field.value = "";
    this.#show();
  }

  /** Returns the user of an id, or of the name that only one of those known has. @param {string} typed */
  #meant(typed) {
    if (this.#names.has(typed)) return typed;
    const wanted = typed.toLowerCase();
    const named = [...this.#names].filter(([, name]) => name.toLowerCase() === wanted);
    return named.length === 1 ? named[0][0] : typed;
  }

  #drop(user) {
    this.#chosen = this.#chosen.filter((one) => one !== user);
    this.#show();
    this.#field.focus();
  }

  #show() {
    this.#offerNames();
    this.#chips.replaceChildren(...this.#chosen.map((user) => this.#chip(user)));
  }

  #chip(user) {
    const name = plainName(this.#names.get(user) ?? user);
    const out = { type: "button", "aria-label": `Remove ${name}`, on: { click: () => this.#drop(user) } };
    return h("li", {}, h("bdi", {}, name), h("button", out, icon("close")));
  }
}
