// Owns how one message looks: its text, its time, its tick, and what to do when it failed.

import { refill } from "./children.js";
import { h, icon } from "./dom.js";
import { explain } from "./explain.js";
import { isolated } from "./names.js";
import { isJumbo, linkified } from "./text.js";
import { clock, exactly } from "./time.js";

const STATUS = {
  pending: "Waiting to be sent",
  sent: "Sent",
  delivered: "Delivered",
  read: "Read",
  failed: "Not sent",
};
const GONE = "Message deleted";
const EXCERPT = 120;

/**
 * A row of the timeline, and a function that shows its present state.
 * @param {{own: boolean, author: string, nameOf: (user: string) => string, among: boolean,
 *          me: string, on: {retry: (item: any) => void,
 *          discard: (item: any) => void, menu: (at: {x: number, y: number}) => void,
 *          react: (emoji: string) => void, jump: () => void,
 *          files: (attachments: any[], stored: boolean) => Node[]}}} options
 *        `author`: a user id; `among`: there may be several, so they are named
 */
export function bubble({ own, author, nameOf, among, me, on }) {
  const parts = {
    author: h("span", { class: among && !own ? "author" : "author spoken" }),
    quote: h("button", { type: "button", class: "quote", hidden: true, on: { click: on.jump } }),
    files: h("div", { class: "files", hidden: true }),
    text: h("p", { class: "text", dir: "auto" }),
    edited: h("span", { class: "edited", hidden: true }, "edited"),
    time: h("time", {}),
    tick: h("span", { class: "tick" }),
    chips: h("div", { class: "chips", role: "group", "aria-label": "Reactions", hidden: true }),
    problem: h("div", { class: "problem", hidden: true }),
  };
  const { edited, time, tick } = parts;
  const meta = h("span", { class: "meta" }, edited, time, own && tick);
  const box = h("div", { class: "bubble" }, parts.author, parts.quote, parts.files, parts.text, meta);
  const line = h("div", { class: "beside" }, box, more(on.menu));
  const classes = own ? "row own" : "row other";
  const node = h("div", { class: classes, role: "article", tabindex: "-1" }, line, parts.chips, parts.problem);
  let shown = "";

  function show(item, { status, follows, quoted }) {
    node.classList.toggle("follows", follows);
    const name = nameOf(author);
    const now = JSON.stringify([item, status, quoted, name]);
    if (now === shown) return; // most of a long list, each time
    shown = now;
    parts.author.textContent = own || !among ? `${name}: ` : name;
    node.dataset.status = status;
    node.classList.toggle("gone", Boolean(item.deleted_at));
    node.classList.toggle("changing", Boolean(item.changing));
    node.setAttribute("aria-label", inWords(name, item, own && STATUS[status]));
    showText(node, parts, item);
    showFiles(parts.files, item, on.files);
    showMeta(parts, item, own && status);
    showQuote(parts.quote, quoted);
    showReactions(parts.chips, item, { me, nameOf, onReact: on.react });
    parts.problem.hidden = status !== "failed";
    if (status === "failed") parts.problem.replaceChildren(...remedies(item, on));
  }

  return { node, show };
}

/** Returns what a message says, for a quote or a line of the inbox. */
export function excerpt({ content, deleted_at, attachments = [] }) {
  if (deleted_at) return GONE;
  const [file] = attachments;
  if (content || !file) return content.slice(0, EXCERPT).replace(/\s+/gu, " ");
  const more = attachments.length > 1 ? ` and ${attachments.length - 1} more` : "";
  return `📎 ${file.media_type.startsWith("image/") ? "Picture" : isolated(file.name)}${more}`;
}

function more(onMenu) {
  const click = ({ currentTarget }) => {
    const { left, bottom } = currentTarget.getBoundingClientRect();
    onMenu({ x: left, y: bottom });
  };
  const properties = { type: "button", class: "more", tabindex: "-1", "aria-haspopup": "menu" };
  return h("button", { ...properties, "aria-label": "Message actions", on: { click } }, icon("more"));
}

function inWords(name, item, status) {
  const edited = item.edited_at && !item.deleted_at && "edited";
  const words = [clock(item.created_at), edited, status];
  return `${name}: ${excerpt(item)}. ${words.filter(Boolean).join(", ")}`;
}

function showText(node, { text }, { content, deleted_at }) {
  node.classList.toggle("jumbo", !deleted_at && isJumbo(content));
  text.replaceChildren(...(deleted_at ? [icon("gone"), GONE] : linkified(content)));
}

/** Made anew only when they change: a film goes on playing, a picture does not blink. */
function showFiles(box, { attachments = [], message_id }, onFiles) {
  box.hidden = !attachments.length;
  const stored = Boolean(message_id);
  const key = [attachments.map(({ attachment_id }) => attachment_id), stored];
  refill(box, key, () => onFiles(attachments, stored));
}

function showMeta({ edited, time, tick }, item, status) {
  time.textContent = clock(item.created_at);
  time.dateTime = item.created_at;
  time.title = exactly(item.created_at);
  edited.hidden = !item.edited_at || Boolean(item.deleted_at);
  edited.textContent = item.changing ? "saving…" : "edited";
  if (item.edited_at) edited.title = exactly(item.edited_at);
  tick.replaceChildren();
  if (status && !item.deleted_at) tick.replaceChildren(icon(status, STATUS[status]));
}

function showQuote(quote, quoted) {
  quote.hidden = !quoted;
  if (!quoted) return;
  quote.classList.toggle("gone", quoted.gone);
  const author = h("bdi", { class: "whose" }, quoted.author);
  quote.replaceChildren(author, h("span", { class: "said", dir: "auto" }, quoted.text));
  quote.setAttribute("aria-label", `In reply to ${quoted.author}: ${quoted.text}`);
}

function showReactions(chips, { reactions = [] }, people) {
  chips.hidden = !reactions.length;
  const key = reactions.map(({ emoji, user_ids }) => [emoji, user_ids, user_ids.map(people.nameOf)]);
  refill(chips, key, () => reactions.map((one) => chip(one, people)));
}

function chip({ emoji, user_ids }, { me, nameOf, onReact }) {
  const who = user_ids.map((user) => isolated(nameOf(user))).join(", ");
  const properties = {
    type: "button",
    class: "chip",
    "data-name": emoji,
    "aria-pressed": String(user_ids.includes(me)),
    "aria-label": `${emoji} ${user_ids.length}: ${who}`,
    title: who,
    on: { click: () => onReact(emoji) },
  };
  return h("button", properties, h("span", {}, emoji), h("span", {}, String(user_ids.length)));
}

function remedies(item, on) {
  const remedy = (name, act) => {
    const click = () => {
      for (const button of buttons) button.disabled = true; // twice would send it twice
      act(item);
    };
    return h("button", { type: "button", class: "link", on: { click } }, name);
  };
  const buttons = [remedy("Try again", on.retry), remedy("Discard", on.discard)];
  return [h("span", {}, `Not sent: ${explain(item.failed)}`), ...buttons];
}
