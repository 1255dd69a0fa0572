// Owns what time it is at the server, whatever this device believes.

export class Clock {
  #offset = 0; // milliseconds that the server is ahead of this device

  /** Returns the time in milliseconds since 1970, as `Date.now()`. */
  now() {
    return Date.now() + this.#offset;
  }

  /**
   * Takes in that the server has told its time, between the question and now. What is possible already
   * stays: answers take a while, and a device whose clock is right keeps it.
   * @param {string|null|undefined} told @param {number|undefined} askedAt as `Date.now()`
   * @param {number} [grain] milliseconds: it may have been so much later than told
   */
  observe(told, askedAt, grain = 0) {
    const at = Date.parse(told ?? "");
    const least = at - Date.now();
    const most = at + grain - askedAt;
    if (!(least <= most)) return; // nothing was told, or this device's clock was set meanwhile
    if (this.#offset < least || this.#offset > most) this.#offset = (least + most) / 2;
  }
}
