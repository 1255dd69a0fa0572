// Owns the check of a token that another page hands over. Pure.

/** @typedef {{token: string} | {signInUrl: string}} Answer without a token nobody is signed in */

const MOST = 8_192; // characters

/** @param {unknown} given */
export function isToken(given) {
  return typeof given === "string" && given.length <= MOST && /^[!-~]+$/u.test(given);
}
