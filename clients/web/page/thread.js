// Owns the loaded messages of one conversation: oldest first, each once, in its newest version.

/** @typedef {import("./chat.js").Message} Message */

export class Thread {
  /** @type {Message[]} */
  items = [];
  #byId = new Map();

  /** @param {Message} message */
  add(message) {
    const known = this.find(message.message_id);
    if (known) {
      if (versionOf(message) > versionOf(known)) this.replace(known, message);
      return;
    }
    let place = this.items.length;
    while (place && this.items[place - 1].seq > message.seq) place -= 1;
    this.items.splice(place, 0, message);
    this.#byId.set(message.message_id, message);
  }

  /** @param {number} messageId @returns {Message|undefined} */
  find(messageId) {
    return this.#byId.get(messageId);
  }

  /** @param {Message} known @param {Message|null} next null: gone */
  replace(known, next) {
    const place = this.items.indexOf(known);
    if (place < 0) return;
    this.items.splice(place, 1, ...(next ? [next] : []));
    if (next) this.#byId.set(known.message_id, next);
    else this.#byId.delete(known.message_id);
  }

  clear() {
    this.items = [];
    this.#byId.clear();
  }
}

/** An own message is known by its ack first, which does not say a version. */
export const versionOf = ({ version = 0 }) => version;
