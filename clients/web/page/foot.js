// Owns the lower end of a list that comes by pages: more of it, or what went wrong.

import { h } from "./dom.js";

export class Foot {
  element;
  #rest;
  #problem = h("p", { class: "problem", role: "alert", hidden: true });
  #again;
  #more;
  #failed = null; // what is to be tried again
  #going = 0;

  /** @param {{rest: HTMLElement, onMore: () => Promise<void>}} options `rest`: what it ends */
  constructor({ rest, onMore }) {
    this.#rest = rest;
    const button = (name, act) => {
      const click = () => this.#going || this.load(act());
      return h("button", { type: "button", hidden: true, on: { click } }, name);
    };
    this.#again = button("Try again", () => this.#failed);
    this.#more = button("Show more", () => onMore);
    this.element = h("div", { class: "foot" }, this.#problem, this.#again, this.#more);
  }

  /** Whether the list goes on. @param {boolean} goesOn */
  show(goesOn) {
    this.#keepFocus(() => (this.#more.hidden = !goesOn));
  }

  /** Does it, and tells if it failed. @param {() => Promise<void>} act */
  async load(act) {
    this.#going += 1;
    try {
      await act();
      this.#tell(null, "");
    } catch (error) {
      this.#tell(act, error.message);
    }
    this.#going -= 1;
  }

  #tell(failed, words) {
    this.#failed = failed;
    this.#problem.textContent = words;
    this.#problem.hidden = !failed;
    this.#keepFocus(() => (this.#again.hidden = !failed));
  }

  /** A button that goes leaves the keyboard to what is above it. */
  #keepFocus(change) {
    const focused = this.element.contains(document.activeElement) && document.activeElement;
    change();
    if (focused?.hidden) this.#rest.focus();
  }
}
