// Owns how far each member of a conversation got, as far as it is known here.

export class Marks {
  #me;
  #byUser = new Map(); // user_id → [delivered, read]
  #floor = [0, 0]; // how far all the others got at least

  /** @param {string} me */
  constructor(me) {
    this.#me = me;
  }

  /** @param {string} userId @returns {[number, number]} delivered, read */
  of(userId) {
    return this.#byUser.get(userId) ?? [0, 0];
  }

  /** Moves a mark forwards, never back. @returns {boolean} whether the read mark moved */
  advance(userId, delivered, read) {
    const [wasDelivered, wasRead] = this.of(userId);
    const nowRead = Math.max(wasRead, read);
    this.#byUser.set(userId, [Math.max(wasDelivered, delivered, nowRead), nowRead]);
    return nowRead > wasRead;
  }

  /** Takes in what the server says of all the others together. */
  raise(delivered, read) {
    const [wasDelivered, wasRead] = this.#floor;
    this.#floor = [Math.max(wasDelivered, delivered), Math.max(wasRead, read)];
  }

  /** Returns how far everybody else got: a tick means all of them. @param {Iterable<string>} members */
  ofAll(members) {
    const others = [...members].filter((user) => user !== this.#me).map((user) => this.of(user));
    if (!others.length) return this.#floor;
    const least = (place) => Math.min(...others.map((mark) => mark[place]));
    return [Math.max(this.#floor[0], least(0)), Math.max(this.#floor[1], least(1))];
  }
}
