// Owns how one notification looks in the list.

import { avatar, h, icon } from "../dom.js";
import { plainName } from "../names.js";
import { told } from "../time.js";
import { iconOf, wordsOf } from "./types.js";

/** @typedef {import("./feed.js").Notice} Notice */

/**
 * @param {Notice} notice @param {(notice: Notice) => void} onOpen
 * @returns {HTMLElement} with one link or button
 */
export function entry(notice, onOpen) {
  const { notification_id, priority } = notice;
  const parts = [face(notice), lines(notice), mark(notice)];
  const how = { class: isUnread(notice) ? "entry unread" : "entry", "data-priority": priority };
  const named = { ...how, "data-id": notification_id, on: { click: () => onOpen(notice) } };
  return h("li", {}, target(notice, named, parts));
}

/** Returns where it leads: by https, or within this site. @param {Notice} notice @returns {string|null} */
export function addressOf({ action_url }) {
  if (!action_url || !URL.canParse(action_url, location.href)) return null;
  const { protocol, origin, href } = new URL(action_url, location.href);
  return protocol === "https:" || origin === location.origin ? href : null;
}

function target(notice, named, parts) {
  const href = notice.conversation_id ? null : addressOf(notice);
  if (!href) return h("button", { type: "button", ...named }, ...parts);
  return h("a", { href, target: "_blank", rel: "noopener noreferrer", ...named }, ...parts);
}

/** Shows whom it is from, or what it is about. */
function face({ notification_type, sender_id, sender_name, sender_avatar }) {
  const drawing = icon(iconOf(notification_type));
  if (!sender_id) return h("span", { class: "face about-it" }, drawing);
  const sign = h("span", { class: "sign" }, drawing);
  const sender = { user_id: sender_id, name: sender_name, avatar: sender_avatar };
  return h("span", { class: "face" }, avatar(sender), sign);
}

function lines({ notification_type, title, body, updated_at, created_at, group_count, priority }) {
  const time = told("brief", updated_at ?? created_at);
  const urgent = priority === "urgent" && h("span", { class: "urgent" }, "Urgent");
  return h(
    "span",
    { class: "lines" },
    h("span", { class: "title", dir: "auto" }, plainName(title || wordsOf(notification_type))),
    body && h("span", { class: "body", dir: "auto" }, withoutName(body, title)),
    h("span", { class: "small", dir: "auto" }, urgent, kindOf(notification_type, group_count), " · ", time),
  );
}

/** Shows what it is, and for how many it stands. */
function kindOf(type, count = 1) {
  if (type === "new_message") return count > 1 ? `${count} new messages` : "New message";
  return count > 1 ? `${wordsOf(type)}, ${count} times` : wordsOf(type);
}

/** A message begins with the name of its author, which may be the title. */
function withoutName(body, title) {
  const name = `${title}: `;
  return body.startsWith(name) ? body.slice(name.length) : body;
}

/** What is unread in a muted conversation counts as read. */
const isUnread = ({ is_read, read_at }) => !is_read && !read_at;

const mark = (notice) =>
  isUnread(notice) ? h("span", { class: "fresh", role: "img", "aria-label": "Unread" }) : null;
