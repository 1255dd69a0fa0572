// Owns the short notes in the corner.

import { h } from "./dom.js";

const SHOWN_MS = 6_000;
const MOST = 3;

export class Toasts {
  element = h("div", { class: "toasts", role: "status", "aria-live": "polite" });

  /** @param {string} text */
  say(text) {
    const dismiss = () => toast.remove();
    const close = { type: "button", class: "link", on: { click: dismiss } };
    const toast = h("div", { class: "toast" }, h("span", {}, text), h("button", close, "Dismiss"));
    this.element.append(toast);
    while (this.element.children.length > MOST) this.element.firstChild.remove();
    setTimeout(dismiss, SHOWN_MS);
  }
}
