// Owns what to tell a person about an error: its category, a sentence, and the actions that help.

/**
 * @typedef {"websocket"|"database"|"network"|"validation"|"authentication"|"rate_limit"|"system"|"user_input"} Category
 * @typedef {"retry"|"refresh"|"wait"|"sync"|"offline"|"edit"} Action `refresh`: load the page or sign
 *   in anew; `sync`: load the conversations again; `offline`: go on, what is sent is kept until later
 * @typedef {{category: Category, text: string, actions: Action[]}} Advice
 */

/** No answer came at all. */
export const UNREACHABLE = "unreachable";

/** @type {Record<string, [Category, string, Action[]]>} by the codes of the protocol */
const BY_CODE = {
  invalid_frame: ["validation", "Change the message, or reload the page.", ["edit", "refresh"]],
  invalid_request: ["validation", "Reload the page, then try again.", ["refresh", "retry"]],
  too_large: ["user_input", "Choose something smaller.", ["edit"]],
  unsupported: ["user_input", "Choose another file, or change the message.", ["edit"]],
  rejected: ["user_input", "Change the message.", ["edit"]],
  edit_window_closed: ["user_input", "Send a new message instead.", ["edit"]],
  client_id_conflict: ["user_input", "Send it as a new message.", ["edit"]],
  not_found: ["user_input", "It may have been removed. Reload the page.", ["refresh"]],
  forbidden: ["authentication", "If you should be allowed to do this, ask whoever runs this app.", ["refresh"]],
  unauthorized: ["authentication", "Sign in again.", ["refresh"]],
  resync_required: ["websocket", "Load the conversations again.", ["sync"]],
  out_of_order: ["websocket", "This message will be sent once the one before it has been sent.", ["wait"]],
  rate_limited: ["rate_limit", "Wait a moment, then try again.", ["wait", "retry"]],
  unavailable: ["database", "Try again in a moment. Messages are kept until they can be sent.", ["retry", "offline"]],
  overloaded: ["system", "The server is busy. Wait a moment, then try again.", ["wait", "retry"]],
  internal: ["system", "Try again. If it fails again, reload the page.", ["retry", "refresh"]],
  [UNREACHABLE]: ["network", "Check your connection. Messages are kept until they can be sent.", ["retry", "offline"]],
};

export const CODES = Object.keys(BY_CODE);

/** @param {string} code one that is not known counts as `internal` @returns {Advice} */
export function adviceFor(code) {
  const [category, text, actions] = BY_CODE[Object.hasOwn(BY_CODE, code) ? code : "internal"];
  return { category, text, actions: [...actions] };
}
