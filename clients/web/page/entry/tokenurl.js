// Owns the question to the host app's URL for a token of the person who is signed in there.

import { LinkupError, reach } from "../../sdk/http.js";
import { isToken } from "./token.js";

/** @typedef {import("./token.js").Answer} Answer */

const NOBODY = new Set([401, 403]);

/**
 * Sends the cookies of the host app along. A redirect is to a page for signing in, as many
 * frameworks answer.
 * @param {string} url @returns {Promise<Answer>} rejects while the app cannot answer
 */
export async function askUrl(url) {
  const how = { method: "POST", credentials: "include", redirect: "manual", headers: { Accept: "application/json" } };
  const response = await reach(url, how).catch(() => Promise.reject(away("Your app cannot be reached")));
  const told = (await response.json().catch(() => null)) ?? {};
  if (NOBODY.has(response.status) || response.type === "opaqueredirect") {
    return { signInUrl: pageOf(told.sign_in_url, url) };
  }
  if (!response.ok) throw away(`Your app answered ${response.status}`);
  if (!isToken(told.token)) throw away("Your app answered without a token");
  return { token: told.token };
}

/** The app may name its page for signing in; nothing but a web page is a link. */
function pageOf(told, url) {
  const page = typeof told === "string" && URL.canParse(told, url) ? new URL(told, url) : null;
  return ["http:", "https:"].includes(page?.protocol) ? page.href : new URL("/", url).href;
}

function away(message) {
  return new LinkupError({ code: "unavailable", message, temporary: true });
}
