// Owns whether what this user does waits for the server longer than usual.

const USUAL_MS = 4_000;

export class Waiting {
  /** Returns whether, while connected, something has no outcome for longer than usual. */
  stalled = false;
  #onChange;
  #since = new Map(); // what waits → since when; the oldest first
  #connected = false;
  #timer = 0;

  /** @param {() => void} onChange of `stalled` */
  constructor(onChange) {
    this.#onChange = onChange;
  }

  /** Without a connection it is known why everything waits. @param {boolean} connected */
  connection(connected) {
    if (connected && !this.#connected) {
      for (const what of this.#since.keys()) this.#since.set(what, Date.now());
    }
    this.#connected = connected;
    this.#look();
  }

  /** @param {any} what */
  begin(what) {
    if (!this.#since.has(what)) this.#since.set(what, Date.now());
    this.#look();
  }

  /** As `Date.now()`, or undefined. @param {any} what */
  since(what) {
    return this.#since.get(what);
  }

  /** @param {any} what */
  end(what) {
    if (this.#since.delete(what)) this.#look();
  }

  #look() {
    clearTimeout(this.#timer);
    const [oldest] = this.#since.values();
    const waits = this.#connected && oldest !== undefined;
    const left = waits ? oldest + USUAL_MS - Date.now() : 0;
    if (left > 0) this.#timer = setTimeout(() => this.#look(), left);
    const stalled = waits && left <= 0;
    if (stalled === this.stalled) return;
    this.stalled = stalled;
    this.#onChange();
  }
}
