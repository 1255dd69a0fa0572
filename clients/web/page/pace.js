// Owns how often the same is done: at once when asked, and not again before a gap is over.

export class Pace {
  #act;
  #gapMs;
  #timer = 0;
  #doneAt = -Infinity;

  /** @param {() => void} act @param {number} gapMs */
  constructor(act, gapMs) {
    this.#act = act;
    this.#gapMs = gapMs;
  }

  /** However often it is asked meanwhile, it is done once. */
  ask() {
    if (this.#timer) return;
    const wait = Math.min(this.#doneAt + this.#gapMs - Date.now(), this.#gapMs); // a clock may have been set back
    this.#timer = setTimeout(() => this.#do(), Math.max(0, wait));
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = 0;
  }

  #do() {
    this.#timer = 0;
    this.#doneAt = Date.now();
    this.#act();
  }
}
