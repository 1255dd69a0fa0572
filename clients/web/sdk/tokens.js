// Owns whose tokens are used: those of one user, checked before anything is sent with them.

import { LinkupError } from "./http.js";

/** @typedef {(asked: {renew: boolean}) => Promise<string>} GetToken */

/**
 * `getToken`, rejecting with a `LinkupError` when the token names another user. A token that is no
 * JWT says nothing here; the server's `welcome` names its user.
 * @param {string} userId @param {GetToken} getToken @returns {GetToken}
 */
export function tokensOf(userId, getToken) {
  return async (asked) => {
    const token = await getToken(asked);
    const owner = subjectOf(token);
    if (owner !== null && owner !== userId) throw foreign(owner, userId);
    return token;
  };
}

/** Of another user's token. @param {string} owner @param {string} userId */
export function foreign(owner, userId) {
  const message = `The token is of user ${JSON.stringify(owner)}, not of ${JSON.stringify(userId)}`;
  return new LinkupError({ code: "unauthorized", message, temporary: false });
}

/** The user that a JWT names; not verified, which is the server's part. @returns {string|null} */
function subjectOf(token) {
  try {
    const claims = token.split(".")[1].replaceAll("-", "+").replaceAll("_", "/");
    const bytes = Uint8Array.from(atob(claims), (sign) => sign.charCodeAt(0));
    const { sub } = JSON.parse(new TextDecoder().decode(bytes));
    return typeof sub === "string" ? sub : null;
  } catch {
    return null;
  }
}
