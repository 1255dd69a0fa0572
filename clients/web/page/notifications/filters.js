// Owns the choice of what the notification centre lists: only unread ones, only one type.

import { h } from "../dom.js";
import { BUILT_IN, grouped, wordsOf } from "./types.js";

/**
 * @param {{feed: import("./feed.js").Feed,
 *          onChoose: (filter: {unreadOnly?: boolean, type?: string}) => void}} options
 */
export function filters({ feed, onChoose }) {
  const unread = chip(feed.filter.unreadOnly, (unreadOnly) => onChoose({ unreadOnly }));
  const known = new Set([...BUILT_IN, ...feed.items.map((one) => one.notification_type), feed.filter.type]);
  known.delete("");
  const change = ({ target }) => onChoose({ type: target.value });
  const how = { class: "type", "aria-label": "Type", on: { change } };
  const select = h("select", how, h("option", { value: "" }, "All types"), ...grouped([...known]).map(choices));
  select.value = feed.filter.type;
  return h("div", { class: "narrow", role: "group", "aria-label": "Show only" }, unread, select);
}

function chip(isPressed, onPress) {
  const button = h("button", { type: "button", class: "chip", "aria-pressed": String(isPressed) }, "Unread");
  button.addEventListener("click", () => {
    const pressed = button.getAttribute("aria-pressed") !== "true";
    button.setAttribute("aria-pressed", String(pressed));
    onPress(pressed);
  });
  return button;
}

function choices({ name, types }) {
  const options = types.map((type) => h("option", { value: type }, wordsOf(type)));
  return h("optgroup", { label: name }, ...options);
}
