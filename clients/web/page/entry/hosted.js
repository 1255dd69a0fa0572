// Owns entering from the host app, and the screen that is shown while that fails.

import { resendDelay } from "../../sdk/backoff.js";
import { awayView, signedOutView, waitingView } from "./door.js";
import { beginFor, endSession } from "./session.js";

/** @typedef {import("./session.js").Session} Session */

export class Hosted {
  signsOut = false; // the app does
  #app;
  #root;
  #onEnter;

  /**
   * @param {{app: import("./hostapp.js").HostApp, root: HTMLElement,
   *          onEnter: (session: Session) => void}} options
   */
  constructor({ app, root, onEnter }) {
    this.#app = app;
    this.#root = root;
    this.#onEnter = onEnter;
  }

  async enter() {
    this.#root.replaceChildren(waitingView("Signing you in…"));
    const session = await this.#session();
    if (!session) return this.leave();
    beginFor(session.user_id);
    this.#onEnter(session);
  }

  /** @param {Session} session @param {() => void} onEnded the app no longer says that it is this person */
  tokensOf(session, onEnded) {
    this.#app.onEnded = onEnded;
    return this.#app.getToken;
  }

  /** Comes back by itself when somebody has signed in in another tab. @param {string} [why] the server's words */
  leave(why) {
    endSession();
    if (this.#app.hasChanged) return location.reload(); // it is somebody else's page now
    document.title = "LinkUp";
    this.#root.replaceChildren(signedOutView({ url: this.#app.signInUrl, why, onAgain: () => location.reload() }));
    document.onvisibilitychange = () => this.#lookAgain();
  }

  async #lookAgain() {
    if (document.visibilityState !== "visible" || !this.#app.signInUrl) return;
    if (await this.#app.session().catch(() => null)) location.reload();
  }

  /** Asks until the app answers. */
  async #session() {
    for (let attempt = 0; ; attempt += 1) {
      try {
        return await this.#app.session();
      } catch (error) {
        await this.#pause(error.message, resendDelay(attempt));
      }
    }
  }

  #pause(text, ms) {
    return new Promise((over) => {
      this.#root.replaceChildren(awayView({ text, onAgain: over }));
      setTimeout(over, ms);
    });
  }
}
