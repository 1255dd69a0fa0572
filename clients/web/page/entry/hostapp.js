// Owns signing in through the host app: its tokens, kept in memory alone, and their user.

import { LinkupError } from "../../sdk/http.js";
import { claimsOf } from "../../sdk/tokens.js";
import { askParent } from "./handover.js";
import { askUrl } from "./tokenurl.js";

/** @typedef {import("./token.js").Answer} Answer */
/** @typedef {import("./session.js").Session} Session */

export class HostApp {
  /** The address for signing in, once the app has said that nobody is signed in. */
  signInUrl = "";
  /** Whether the app says that somebody else is signed in now. */
  hasChanged = false;
  /** Called when nobody is signed in any more, or somebody else is. */
  onEnded = () => {};
  #asks;
  #token = "";
  #userId = "";
  #asking = null;

  /** @param {(() => Promise<Answer>)[]} asks in this order, until one is answered */
  constructor(asks) {
    this.#asks = asks;
  }

  /** @returns {Promise<Session|null>} null: nobody is signed in; rejects while the app is away */
  async session() {
    await this.#renew();
    if (!this.#token) return null;
    const { sub, name } = claimsOf(this.#token);
    if (typeof sub !== "string") throw new Error("Your app did not say who is signed in");
    this.#userId = sub;
    return { token: this.#token, user_id: sub, name: typeof name === "string" && name ? name : sub };
  }

  /** @type {import("../../sdk/tokens.js").GetToken} */
  getToken = async ({ renew }) => {
    if (renew) await this.#renew();
    if (this.#token) return this.#token;
    const message = "You are signed out";
    throw new LinkupError({ code: "unauthorized", message, temporary: false, status: 401 });
  };

  /** Asks the app once for all who wait for the answer. */
  #renew() {
    this.#asking ??= this.#ask().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #ask() {
    const answer = await this.#answer();
    this.#token = answer.token ?? "";
    this.signInUrl = answer.signInUrl ?? "";
    if (!this.#userId || claimsOf(this.#token).sub === this.#userId) return;
    this.hasChanged = Boolean(this.#token);
    this.onEnded();
  }

  async #answer() {
    let fault;
    for (const ask of this.#asks) {
      try {
        return await ask();
      } catch (error) {
        fault = error;
      }
    }
    throw fault;
  }
}

/** @param {import("./ways.js").Ways} ways @returns {HostApp|null} null: no host app is named */
export function hostApp({ token_url, frame_ancestors }) {
  const asks = [];
  if (frame_ancestors.length && parent !== window) asks.push(() => askParent(frame_ancestors));
  if (token_url) asks.push(() => askUrl(token_url));
  return asks.length ? new HostApp(asks) : null;
}
