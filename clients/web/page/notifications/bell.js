// Owns the bell: a button with the number of unread notifications, which opens their list.

import { h, icon } from "../dom.js";

const MOST = 99;

/** @param {number} count */
export const capped = (count) => (count > MOST ? `${MOST}+` : String(count));

/**
 * @param {{feed: import("./feed.js").Feed, onOpen: (bell: HTMLElement) => void}} options
 * @returns {HTMLElement[]} the button, and what a screen reader says of a notification that arrives
 */
export function bell({ feed, onOpen }) {
  const badge = h("span", { class: "badge", dir: "ltr", "aria-hidden": "true", hidden: true });
  const click = () => onOpen(node);
  const how = { type: "button", class: "round bell", "aria-haspopup": "dialog", on: { click } };
  const node = h("button", how, icon("bell"), badge);
  const said = h("span", { class: "spoken", role: "status" });

  function show() {
    const { unread } = feed;
    badge.hidden = !unread;
    badge.textContent = capped(unread);
    node.title = "Notifications";
    node.setAttribute("aria-label", unread ? `Notifications, ${unread} unread` : "Notifications");
  }

  feed.addEventListener("change", show);
  feed.addEventListener("arrived", ({ detail }) => (said.textContent = `Notification: ${detail.title}`));
  show();
  return [node, said];
}
