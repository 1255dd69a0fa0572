// Owns how one conversation looks in the inbox.

import { excerpt } from "./bubble.js";
import { avatar, h, icon } from "./dom.js";
import { told } from "./time.js";
import { typingLine } from "./typists.js";

/** Returns the address of a chat. @param {string} key */
export function chatPath(key) {
  const group = key.startsWith("/");
  return `/${group ? "group" : "chat"}/${encodeURIComponent(group ? key.slice(1) : key)}/`;
}

/**
 * @param {{chat: import("./chat.js").Chat, me: string,
 *          onMenu: (chat: any, at: {x: number, y: number}) => void}} options
 */
export function line({ chat, me, onMenu }) {
  const parts = {
    face: h("span", { class: "face" }),
    name: h("bdi", { class: "name" }),
    muted: h("span", { class: "muted", hidden: true }, icon("mute", "Muted")),
    time: h("time", {}),
    preview: h("span", { class: "preview", dir: "auto" }),
    badge: h("span", { class: "badge", role: "img" }),
  };
  const lines = h(
    "span",
    { class: "lines" },
    h("span", { class: "line" }, parts.name, parts.muted, parts.time),
    h("span", { class: "line" }, parts.preview, parts.badge),
  );
  const link = h("a", { href: chatPath(chat.key), "data-key": chat.key }, parts.face, lines);
  const node = h("li", {}, link, more(chat, onMenu));
  const shown = { title: "" };
  const show = (now) => {
    showWho(chat, now.online, { ...parts, shown });
    if (now.current) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
    link.classList.toggle("unread", chat.unread > 0);
    showSaid(chat, me, parts);
    showBadge(chat, parts);
  };
  return { node, show };
}

function more(chat, onMenu) {
  const click = ({ currentTarget }) => {
    const { left, bottom } = currentTarget.getBoundingClientRect();
    onMenu(chat, { x: left, y: bottom });
  };
  const button = { type: "button", class: "more", tabindex: "-1", "aria-haspopup": "menu" };
  return h("button", { ...button, "aria-label": "Conversation actions", on: { click } }, icon("more"));
}

function showWho(chat, online, { face, name, shown }) {
  face.classList.toggle("online", online);
  const picture = chat.face.avatar;
  if (shown.title === chat.title && shown.online === online && shown.picture === picture) return;
  Object.assign(shown, { title: chat.title, online, picture });
  name.textContent = chat.title;
  const spoken = online && h("span", { class: "spoken" }, "online");
  face.replaceChildren(...[avatar(chat.face, chat.isSaved), spoken].filter(Boolean));
}

function showSaid(chat, me, { time, preview }) {
  const said = chat.preview;
  time.hidden = !said;
  if (said) told("brief", said.created_at, time);
  preview.replaceChildren(...previewOf(chat, said, me));
}

function showBadge(chat, { muted, badge }) {
  muted.hidden = !chat.muted;
  badge.hidden = !chat.unread;
  badge.classList.toggle("quiet", chat.muted);
  badge.textContent = chat.unread > 99 ? "99+" : String(chat.unread);
  badge.setAttribute("aria-label", `${chat.unread} unread`);
}

function previewOf(chat, said, me) {
  const typing = typingLine(chat);
  if (typing) return [h("span", { class: "typing" }, typing)];
  if (!said) return [h("em", {}, "No messages")];
  const text = said.deleted_at ? h("em", {}, excerpt(said)) : excerpt(said);
  if ((said.sender_id ?? me) !== me) {
    return chat.isGroup ? [h("bdi", {}, chat.nameOf(said.sender_id)), ": ", text] : [text];
  }
  if (chat.isSaved) return [text];
  const status = chat.statusOf(said);
  const mark = h("span", { class: "tick", "data-status": status }, icon(status, status));
  return said.deleted_at ? ["You: ", text] : [mark, "You: ", text];
}
