// Owns the tokens of one user, each of which is replaced before it ends.

import { LinkupError } from "./http.js";

/** @typedef {(asked: {renew: boolean}) => Promise<string>} GetToken */

const LEAD_MS = 60_000; // before the end of a token, or a quarter of its time if that is less
const LEAST_MS = 5_000; // between two requests, whatever the clock of this device says
const MOST_MS = 2 ** 31 - 1; // the longest wait of a timer

export class Tokens {
  #userId;
  #getToken;
  #now;
  #on;
  #latest = "";
  #begun = false;
  #timer;

  /**
   * @param {{userId: string, getToken: GetToken, now: () => number,
   *          on: {renewed: (token: string) => void, refused: (reason: string) => void}}} options
   *        `now`: the server's time; `refused`: there will be no other token
   */
  constructor({ userId, getToken, now, on }) {
    this.#userId = userId;
    this.#getToken = getToken;
    this.#now = now;
    this.#on = on;
  }

  /**
   * Returns a token of that user, checked before anything is sent with it. A token that is no JWT says
   * nothing here; the server's `welcome` names its user.
   * @type {GetToken}
   */
  get = async (asked) => {
    const token = await this.#getToken(asked);
    const { sub } = claimsOf(token);
    if (typeof sub === "string" && sub !== this.#userId) throw foreign(sub, this.#userId);
    if (token !== this.#latest) this.#await(token);
    return token;
  };

  /** Replaces each token before it ends, from now on. */
  begin() {
    this.#begun = true;
    if (this.#latest) this.#await(this.#latest);
  }

  stop() {
    this.#begun = false;
    clearTimeout(this.#timer);
  }

  #await(token) {
    this.#latest = token;
    clearTimeout(this.#timer);
    const wait = this.#begun ? waitOf(token, this.#now()) : null;
    if (wait !== null) this.#timer = setTimeout(() => this.#renew(), wait);
  }

  async #renew() {
    const before = this.#latest;
    try {
      const token = await this.get({ renew: true });
      if (this.#begun && token !== before) this.#on.renewed(token);
    } catch (error) {
      if (!this.#begun || before !== this.#latest) return;
      if (error.temporary === false) this.#on.refused(error.message);
      else this.#timer = setTimeout(() => this.#renew(), LEAST_MS);
    }
  }
}

/** Of another user's token. @param {string} owner @param {string} userId */
export function foreign(owner, userId) {
  const message = `The token is of user ${JSON.stringify(owner)}, not of ${JSON.stringify(userId)}`;
  return new LinkupError({ code: "unauthorized", message, temporary: false });
}

/** Returns how long a token that is new now is used; null: until the server refuses it. */
function waitOf(token, now) {
  const { exp } = claimsOf(token);
  if (typeof exp !== "number") return null;
  const left = exp * 1000 - now;
  return Math.min(MOST_MS, Math.max(LEAST_MS, left - Math.min(LEAD_MS, left / 4)));
}

/**
 * Returns what a JWT says; not verified, which is the server's part. Empty if it is none.
 * @param {string} token @returns {{sub?: unknown, exp?: unknown, name?: unknown}}
 */
export function claimsOf(token) {
  try {
    const claims = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(claims), (sign) => sign.charCodeAt(0));
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
}
