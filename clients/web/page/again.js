// Owns asking again for what failed for the moment: later each time, and when the connection is back.

import { resendDelay } from "../sdk/backoff.js";

export class Again {
  #waiting = new Set(); // of functions, each of which ends a wait

  /** @param {{client: any}} options */
  constructor({ client }) {
    client.addEventListener("state", () => client.state === "connected" && this.now());
  }

  /** What waits is asked at once, unless the server has said when to come back. */
  now() {
    for (const wake of this.#waiting) wake();
  }

  /**
   * Asks until there is an answer, or a refusal for good.
   * @template T
   * @param {() => Promise<T>} ask
   * @param {{signal?: AbortSignal, onFailed?: (error: any) => void}} [how]
   *        `signal`: nobody wants it any more; `onFailed`: it is asked again after this error
   * @returns {Promise<T>} rejects with the refusal, or with the last error once nobody wants it
   */
  async until(ask, { signal, onFailed } = {}) {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await ask();
      } catch (error) {
        if (!error.temporary || signal?.aborted) throw error;
        onFailed?.(error);
        await this.#pause(attempt, error.retryAfterMs, signal);
        if (signal?.aborted) throw error;
      }
    }
  }

  /** @param {number} attempt @param {number} leastMs what the server asked for */
  #pause(attempt, leastMs = 0, signal) {
    const earliest = Date.now() + leastMs;
    return new Promise((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const wake = () => {
        clearTimeout(timer);
        timer = setTimeout(end, Math.max(0, earliest - Date.now()));
      };
      let timer = setTimeout(end, resendDelay(attempt, leastMs));
      this.#waiting.add(wake);
      signal?.addEventListener("abort", end);
    });
  }
}
