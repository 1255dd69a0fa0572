// Owns the strip above the field: which message is being answered or changed.

import { excerpt } from "./bubble.js";
import { h, icon } from "./dom.js";
import { isolated } from "./names.js";

export class Subject {
  element;
  #what;
  #drawing;

  /** @param {{onCancel: () => void}} options */
  constructor({ onCancel }) {
    this.#what = h("div", { class: "what" });
    this.#drawing = h("span", { class: "drawing" });
    const cancel = { type: "button", class: "round", "aria-label": "Cancel", on: { click: onCancel } };
    this.element = h(
      "div",
      { class: "subject", hidden: true },
      this.#drawing,
      this.#what,
      h("button", cancel, icon("close")),
    );
  }

  /** @param {"reply"|"edit"} kind @param {any} message @param {string} author */
  show(kind, message, author) {
    const title = kind === "edit" ? "Edit message" : `Reply to ${isolated(author)}`;
    this.#drawing.replaceChildren(icon(kind));
    this.#what.replaceChildren(
      h("span", { class: "whose", role: "status" }, title),
      h("span", { class: "said", dir: "auto" }, excerpt(message)),
    );
    this.element.hidden = false;
  }

  hide() {
    this.element.hidden = true;
  }
}
