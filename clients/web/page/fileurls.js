// Owns where the bytes of files are: URLs that need no token and last for minutes.

import { answered, Together } from "./together.js";

const EARLY_MS = 10_000; // before a URL ends
const MOST = 100; // of a request

export class FileUrls {
  #api;
  #asking;
  #likely;
  #known = new Map(); // attachment_id → its URLs

  /**
   * @param {{api: any, again: import("./again.js").Again, likely: () => string[]}} options
   *        `likely`: which are probably wanted next; what a request has room for is asked along
   */
  constructor({ api, again, likely }) {
    this.#api = api;
    this.#likely = likely;
    this.#asking = new Together({ ask: (ids) => this.#ask(ids), again, most: MOST });
  }

  /** Asks for those who wait for it: rejects when the server cannot say. @param {string} attachmentId */
  async now(attachmentId) {
    return this.#valid(attachmentId) ?? this.#keep(await this.#api.attachment(attachmentId));
  }

  /** Asks together with others, once the server can say. @returns {Promise<any|null>} null: it is gone */
  async soon(attachmentId) {
    return this.#valid(attachmentId) ?? this.#asking.want(attachmentId);
  }

  /** Notes that its URLs do not work. */
  forget(attachmentId) {
    this.#known.delete(attachmentId);
  }

  #valid(attachmentId) {
    const link = this.#known.get(attachmentId);
    return link && new Date(link.expires_at) - this.#api.now() > EARLY_MS ? link : null;
  }

  #keep(link) {
    this.#known.set(link.attachment_id, link);
    return link;
  }

  async #ask(ids) {
    const unknown = (id) => !this.#valid(id);
    if (ids.some(unknown)) {
      const asked = [...new Set([...ids, ...this.#likely()])].filter(unknown).slice(0, MOST);
      for (const link of await this.#api.attachments(asked)) this.#keep(link);
    }
    return answered(ids, new Map(ids.map((id) => [id, this.#valid(id)])));
  }
}
