// Owns searching for people by name while somebody types: it asks once they pause.

const PAUSE_MS = 200; // without typing, until people are searched for
const MOST_EMPTY = 5; // empty pages in a row, if many people have one of the words but few have all

/** @typedef {{user_id: string, name: string|null, avatar: string|null}} Person */

export class Finder {
  #api;
  #again;
  #limit;
  #on;
  #timer = 0;
  #asked = { q: "" };
  #other = new AbortController(); // aborts when other words are searched for
  #answered = Promise.resolve();

  /**
   * @param {{client: any, again: import("./again.js").Again, limit: number,
   *          on: {found: (people: Person[], how: {first: boolean, goesOn: boolean}) => void,
   *          failed: (text: string) => void}}} options
   */
  constructor({ client, again, limit, on }) {
    this.#api = client.api;
    this.#again = again;
    this.#limit = limit;
    this.#on = on;
  }

  /** Looks for these words; without any it looks for nothing. @param {string} text */
  search(text) {
    const q = text.trim();
    if (q === this.#asked.q) return;
    clearTimeout(this.#timer);
    this.#other.abort();
    this.#other = new AbortController();
    const asked = (this.#asked = { q });
    const { signal } = this.#other;
    this.#answered = new Promise((answered) => {
      signal.addEventListener("abort", () => answered());
      if (q) this.#timer = setTimeout(() => this.#ask(asked, answered), PAUSE_MS);
      else answered();
    });
  }

  /** Goes on after the people found so far. */
  more() {
    return this.#ask(this.#asked);
  }

  /** Waits until what was typed last is found or cannot be, or is no longer looked for. @returns {Promise<void>} */
  settled() {
    return this.#answered;
  }

  async #ask(asked, answered = () => {}) {
    const onFailed = (error) => {
      if (asked === this.#asked) this.#on.failed(error.message);
      answered(); // the request is repeated, but nobody waits for that
    };
    try {
      const how = { signal: this.#other.signal, onFailed };
      const { users, next } = await this.#again.until(() => this.#page(asked), how);
      if (asked !== this.#asked) return;
      const first = asked.after === undefined;
      asked.after = next ?? undefined;
      this.#on.found(users, { first, goesOn: next !== null });
      answered();
    } catch (error) {
      onFailed(error);
    }
  }

  async #page(asked) {
    let page = { users: [], next: asked.after };
    for (let empty = 0; empty < MOST_EMPTY && asked === this.#asked; empty += 1) {
      page = await this.#api.findUsers({ q: asked.q, limit: this.#limit, after: page.next });
      if (page.users.length || !page.next) break;
    }
    return page;
  }
}
