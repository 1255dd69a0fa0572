// Owns which tab of a user empties the outbox: one that is connected, and shows that it lives.

const LIFE_MS = 1_500; // for a word of the tab that leads
const OUTCOME_MS = 7_000; // for what it has become of a message; longer than one waits for an ack

/**
 * The tab that leads holds a Web Lock, for as long as it is connected. A frozen one keeps its lock:
 * so who has something to send and hears nothing takes it away. That a message may then be sent by
 * both does no harm, the server knows it by its `client_id`.
 */
export class Lead {
  #name;
  #on;
  #claim = null; // while connected: an abort controller that gives the lock up
  #holds = false;
  #timers = { life: 0, outcome: 0 };

  /**
   * @param {{userId: string, on: {begin: (signal: AbortSignal) => Promise<void>, end: () => void,
   *          call: () => void}}} options
   *        `begin` and `end`: this tab leads, and no longer; `call`: asks the others for a word
   */
  constructor({ userId, on }) {
    this.#name = `linkup-outbox:${userId}`;
    this.#on = on;
  }

  /** Returns whether this tab sends what all of them write. */
  get holds() {
    return this.#holds;
  }

  /** Takes in that this tab is connected: it leads at once, or when the one that does is gone. */
  claim() {
    this.resign();
    this.#request(false);
    this.#on.call();
    this.expect();
  }

  /** Takes in that this tab can send nothing. */
  resign() {
    this.#claim?.abort();
    this.#claim = null;
    this.#lose();
    this.#calm("life", "outcome");
  }

  /** Takes in that something waits to be sent: if nobody says that they do it, this tab does. */
  expect() {
    this.#wait("life", LIFE_MS);
  }

  /** Takes in that the tab that leads has said a word. @param {boolean} waits whether this one waits for a message */
  alive(waits) {
    this.#calm("life");
    if (waits) this.#wait("outcome", OUTCOME_MS);
  }

  /** Takes in that the tab that leads has told how a message ended. @param {boolean} waits as above, for another one */
  progressed(waits) {
    this.#calm("outcome");
    this.alive(waits);
  }

  #wait(what, ms) {
    if (this.#holds || !this.#claim || this.#timers[what]) return;
    this.#timers[what] = setTimeout(() => this.#take(), ms);
  }

  #calm(...names) {
    for (const name of names) {
      clearTimeout(this.#timers[name]);
      this.#timers[name] = 0;
    }
  }

  #take() {
    this.#calm("life", "outcome");
    this.#claim?.abort();
    this.#request(true);
  }

  /** Without locks (a page that is not on https, or a frame that may store nothing) every tab leads. */
  #request(steal) {
    const claim = new AbortController();
    const { signal } = claim;
    this.#claim = claim;
    if (!navigator.locks) return this.#hold(signal);
    const how = steal ? { steal } : { signal };
    const held = navigator.locks.request(this.#name, how, () => this.#hold(signal));
    held.catch(({ name }) => (name === "SecurityError" ? this.#hold(signal) : this.#robbed(claim)));
  }

  async #hold(signal) {
    if (signal.aborted) return;
    this.#calm("life", "outcome");
    this.#holds = true;
    await this.#on.begin(signal);
    if (!signal.aborted) await new Promise((given) => signal.addEventListener("abort", given));
  }

  /** Another tab thought that this one was dead; or the lock was given up while waiting for it. */
  #robbed(claim) {
    if (claim.signal.aborted || claim !== this.#claim) return;
    claim.abort();
    this.#lose();
    this.#request(false);
  }

  #lose() {
    if (!this.#holds) return;
    this.#holds = false;
    this.#on.end();
  }
}
