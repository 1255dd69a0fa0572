// Owns the field in which people are named: one after the other, each a chip that can be taken out.

import { h, icon } from "./dom.js";
import { plainName } from "./names.js";

const USER_ID = /^[^/\u0000-\u001f\u007f-\u009f]{1,128}$/u;

export class PeopleField {
  element;
  #names;
  #chosen = [];
  #chips = h("ul", { class: "chosen" });
  #field;

  /** @param {{names: Map<string, string>, label: string}} options */
  constructor({ names, label }) {
    this.#names = names;
    const known = [...names].map(([id, name]) => h("option", { value: id }, plainName(name)));
    this.#field = h("input", {
      id: "people",
      list: "people-known",
      placeholder: "User id, then Enter",
      autocomplete: "off",
      autocapitalize: "none",
      spellcheck: "false",
      maxlength: "128",
      on: { keydown: (event) => this.#key(event), input: (event) => this.#picked(event) },
    });
    this.element = h(
      "div",
      { class: "people-field" },
      h("label", { for: "people" }, label),
      this.#chips,
      this.#field,
      h("datalist", { id: "people-known" }, ...known),
    );
  }

  /** Everybody named, the one being typed too. @returns {string[]} */
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

  /** From the list of those who are known. On leaving the field nothing may move: a click follows. */
  #picked({ inputType = "insertReplacementText" }) {
    if (inputType === "insertReplacementText" && this.#names.has(this.#field.value)) this.#take();
  }

  #take() {
    const typed = this.#field.value.split(",").map((one) => one.trim());
    for (const user of typed) {
      if (USER_ID.test(user) && !this.#chosen.includes(user)) this.#chosen.push(user);
    }
    this.#field.value = "";
    this.#show();
  }

  #drop(user) {
    this.#chosen = this.#chosen.filter((one) => one !== user);
    this.#show();
    this.#field.focus();
  }

  #show() {
    this.#chips.replaceChildren(...this.#chosen.map((user) => this.#chip(user)));
  }

  #chip(user) {
    const name = plainName(this.#names.get(user) ?? user);
    const out = { type: "button", "aria-label": `Remove ${name}`, on: { click: () => this.#drop(user) } };
    return h("li", {}, h("bdi", {}, name), h("button", out, icon("close")));
  }
}
