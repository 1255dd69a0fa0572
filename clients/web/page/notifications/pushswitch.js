// Owns the switch for push messages, which reach this device while the page is closed.

import { h } from "../dom.js";
import { toggle } from "./fields.js";

const NOTES = {
  subscribed: "Sent to this device while the page is closed",
  unsubscribed: "Sent to this device while the page is closed",
  denied: "Blocked. Allow notifications for this site in the settings of your browser",
};

/**
 * @typedef {"unsupported"|"off"|"denied"|"subscribed"|"unsubscribed"} PushState
 * @typedef {{state: () => Promise<PushState>, subscribe: () => Promise<PushState>,
 *            unsubscribe: () => Promise<PushState>}} Push
 */

/**
 * It appears where both the browser and the server can do it.
 * @param {{push: Push, onAsked: () => void}} options `onAsked`: the browser may have asked for permission
 */
export function pushSwitch({ push, onAsked }) {
  const note = h("span", { role: "status" });
  const { node, input } = toggle({ name: "Push messages", note, onChange: change });
  node.hidden = true;

  function show(state) {
    node.hidden = !(state in NOTES);
    input.checked = state === "subscribed";
    input.disabled = state === "denied";
    note.textContent = NOTES[state] ?? "";
  }

  async function change(on) {
    input.disabled = true;
    try {
      show(await (on ? push.subscribe() : push.unsubscribe()));
    } catch (error) {
      show(on ? "unsubscribed" : "subscribed");
      note.textContent = error.message;
    }
    onAsked();
  }

  push.state().then(show, () => {}); // without an answer there is no switch
  return node;
}
