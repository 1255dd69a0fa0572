// Owns asking together for things of one kind: few requests, one after the other, each with many.

const GATHER_MS = 20;

export class Together {
  #ask;
  #again;
  #most;
  #wanted = new Map(); // id → who waits for it
  #going = false;

  /**
   * @param {{ask: (ids: any[]) => Promise<Map<any, any>>, again: import("./again.js").Again,
   *          most?: number}} options
   *        `ask`: answers each id, with null for what is not to be had; those it leaves out are
   *        asked for again, so it has to answer at least one; `most`: ids of a request
   */
  constructor({ ask, again, most = 100 }) {
    this.#ask = ask;
    this.#again = again;
    this.#most = most;
  }

  /**
   * As of now: what is under way already may be older. Asked again for as long as the server cannot
   * answer. @param {any} id @returns {Promise<any>} null: not to be had
   */
  want(id) {
    return new Promise((resolve, reject) => {
      const others = this.#wanted.get(id) ?? [];
      this.#wanted.set(id, [...others, { resolve, reject }]);
      this.#begin();
    });
  }

  async #begin() {
    if (this.#going) return;
    this.#going = true;
    await new Promise((gathered) => setTimeout(gathered, GATHER_MS));
    while (this.#wanted.size) await this.#round([...this.#wanted].slice(0, this.#most));
    this.#going = false;
  }

  async #round(asked) {
    const ids = asked.map(([id]) => id);
    for (const id of ids) this.#wanted.delete(id);
    try {
      const answers = await this.#again.until(() => this.#ask(ids));
      for (const [id, waiting] of asked) this.#settle(id, waiting, answers);
    } catch (error) {
      for (const [, waiting] of asked) for (const { reject } of waiting) reject(error);
    }
  }

  #settle(id, waiting, answers) {
    if (answers.has(id)) for (const { resolve } of waiting) resolve(answers.get(id));
    else this.#wanted.set(id, [...waiting, ...(this.#wanted.get(id) ?? [])]);
  }
}

/** Each id with what was found of it, null where nothing was. */
export function answered(ids, found) {
  return new Map(ids.map((id) => [id, found.get(id) ?? null]));
}
