// Owns the handover of a token by the page of the host app around this one. A message counts only if
// it comes from that page, its origin may show this page, and it answers the question of this moment.

import { LinkupError } from "../../sdk/http.js";
import { newClientId } from "../../sdk/ids.js";
import { isToken } from "./token.js";

/** @typedef {import("./token.js").Answer} Answer */

const ASKED = "linkup:token-request";
const ANSWERED = "linkup:token";
const PATIENCE_MS = 5_000;

/**
 * @param {string[]} origins that may show this page in a frame
 * @param {Window} [view] this page's @returns {Promise<Answer>} rejects if there is no answer
 */
export function askParent(origins, view = window) {
  const nonce = newClientId();
  return new Promise((resolve, reject) => {
    const hear = (event) => {
      if (!isAnswer(event, { origins, nonce, parent: view.parent })) return;
      end();
      resolve(isToken(event.data.token) ? { token: event.data.token } : { signInUrl: event.origin });
    };
    const end = () => {
      clearTimeout(timer);
      view.removeEventListener("message", hear);
    };
    const timer = setTimeout(() => reject(silent(end())), PATIENCE_MS);
    view.addEventListener("message", hear);
    for (const origin of around(origins, view)) view.parent.postMessage({ type: ASKED, nonce }, origin);
  });
}

function isAnswer({ source, origin, data }, { origins, nonce, parent }) {
  if (source !== parent || !origins.includes(origin)) return false;
  return data?.type === ANSWERED && data.nonce === nonce;
}

/** Returns which of them it can be; a browser that does not say delivers to the right one alone. */
function around(origins, { location }) {
  const parent = location.ancestorOrigins?.[0];
  return parent === undefined ? origins : origins.filter((one) => one === parent);
}

function silent() {
  const message = "The app around this chat does not answer";
  return new LinkupError({ code: "unavailable", message, temporary: true });
}
