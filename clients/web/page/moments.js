// Owns the order of what is asked and told: an answer is no newer than its question.

/** Numbers moments: each one is higher than all before. */
export class Moments {
  #last = 0;

  /** @returns {number} the present moment */
  next() {
    return (this.#last += 1);
  }
}

/** As of which moment each thing is known. */
export class Known {
  #asOf = new Map();

  /**
   * Notes that it is known as of that moment, unless something newer is known.
   * @param {string} name @param {number} moment @returns {boolean} whether it is news
   */
  takes(name, moment) {
    if (moment < (this.#asOf.get(name) ?? 0)) return false;
    this.#asOf.set(name, moment);
    return true;
  }
}
