// Owns the lower end of a list that comes by pages: more of it, or what went wrong and is tried again.

import { h } from "./dom.js";

export class Foot {
  element;
  #rest;
  #retries;
  #closed = new AbortController();
  #problem = h("p", { class: "problem", role: "alert", hidden: true });
  #again;
  #more;
  #failed = null; // what is to be tried again, and when it had begun: {act, began}
  #going = new Map(); // what is under way → when it began, and its end: {began, over}
  #begun = 0;
  #onMore;
  #wanted = false; // more was asked for, and is not there yet

  /**
   * @param {{rest: HTMLElement, again: import("./again.js").Again, onMore: () => Promise<void>}} options
   *        `rest`: what it ends
   */
  constructor({ rest, again, onMore }) {
    this.#rest = rest;
    this.#retries = again;
    const button = (name, click) => h("button", { type: "button", hidden: true, on: { click } }, name);
    this.#again = button("Try again", () => this.#retry());
    this.#onMore = onMore;
    this.#more = button("Show more", () => this.#showMore());
    this.element = h("div", { class: "foot" }, this.#problem, this.#again, this.#more);
  }

  /** Says whether the list goes on. @param {boolean} goesOn */
  show(goesOn) {
    this.#keepFocus(() => (this.#more.hidden = !goesOn));
  }

  /** Loads what can be loaded, sooner or later, and tells of what fails. @param {() => Promise<void>} act */
  load(act) {
    const onFailed = ({ message }) => this.#say({ act: whole, began: this.#going.get(whole).began }, message);
    const how = { signal: this.#closed.signal, onFailed };
    const whole = () => this.#retries.until(act, how);
    return this.#do(whole);
  }

  /** Does it once, and tells if it failed. @param {() => Promise<void>} act */
  once(act) {
    return this.#do(act);
  }

  /** The list is gone. */
  close() {
    this.#closed.abort();
  }

  /** Waits for what is under way: it may change where the list goes on, or that it does. */
  async #showMore() {
    if (this.#wanted) return;
    this.#wanted = true;
    await Promise.all([...this.#going.values()].map(({ over }) => over));
    if (!this.#more.hidden) await this.load(this.#onMore);
    this.#wanted = false;
  }

  #retry() {
    const { act } = this.#failed;
    if (this.#going.has(act)) this.#retries.now();
    else this.#do(act);
  }

  #do(act) {
    const began = (this.#begun += 1);
    const over = this.#tried(act, began);
    this.#going.set(act, { began, over });
    return over;
  }

  /** That something succeeds says nothing of what has begun since. */
  async #tried(act, began) {
    try {
      await act();
      if (!this.#failed || this.#failed.began <= began) this.#say(null, "");
    } catch (error) {
      this.#say({ act, began }, error.message);
    }
    this.#going.delete(act);
  }

  #say(failed, words) {
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
