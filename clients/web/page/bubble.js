// Owns how one message looks: its text, its time, its tick, and what to do when it failed.

import { h, icon } from "./dom.js";
import { isJumbo, linkified } from "./text.js";
import { clock, exactly } from "./time.js";

const STATUS = {
  pending: "Waiting to be sent",
  sent: "Sent",
  delivered: "Delivered",
  read: "Read",
  failed: "Not sent",
};

/**
 * A bubble and a function that shows its present state. The text never changes, so it is made once.
 * @param {{message: any, own: boolean, author: string, onRetry: (item: any) => void,
 *          onDiscard: (item: any) => void}} options
 */
export function bubble({ message, own, author, onRetry, onDiscard }) {
  const time = h("time", {});
  const tick = h("span", { class: "tick" });
  const problem = h("div", { class: "problem", hidden: true });
  const text = h("p", { class: "text", dir: "auto" }, ...linkified(message.content));
  const meta = h("span", { class: "meta" }, time, own && tick);
  const box = h("div", { class: "bubble" }, h("span", { class: "author" }, `${author}: `), text, meta);
  const node = h("div", { class: own ? "row own" : "row other" }, box, problem);
  node.classList.toggle("jumbo", isJumbo(message.content));
  let shown = null;

  function show(item, status, follows) {
    node.classList.toggle("follows", follows);
    time.textContent = clock(item.created_at);
    time.dateTime = item.created_at;
    time.title = exactly(item.created_at);
    if (status === shown) return;
    shown = status;
    node.dataset.status = status;
    if (own) tick.replaceChildren(icon(status, STATUS[status]));
    problem.hidden = status !== "failed";
    if (status === "failed") problem.replaceChildren(...remedies(item, onRetry, onDiscard));
  }

  return { node, show };
}

function remedies(item, onRetry, onDiscard) {
  const remedy = (name, act) => {
    const click = () => {
      for (const button of buttons) button.disabled = true; // twice would send it twice
      act(item);
    };
    return h("button", { type: "button", class: "link", on: { click } }, name);
  };
  const buttons = [remedy("Try again", onRetry), remedy("Discard", onDiscard)];
  return [h("span", {}, `Not sent: ${item.failed.message}`), ...buttons];
}
