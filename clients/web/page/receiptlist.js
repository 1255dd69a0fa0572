// Owns the list of whom a message was for: one person step by step, many sorted by how far it got.

import { avatar, h, icon } from "./dom.js";
import { plainName } from "./names.js";
import { listsOf } from "./progress.js";
import { told } from "./time.js";

const UNKNOWN = 3; // rows in place of those who are not known yet

export class ReceiptList {
  element = h("div", { class: "receipts", tabindex: "-1", "aria-label": "Receipts", role: "group" });
  #chat;
  #message;
  #shown = "";

  /** @param {{chat: import("./chat.js").Chat, message: any}} options */
  constructor({ chat, message }) {
    this.#chat = chat;
    this.#message = message;
  }

  /** @param {import("./progress.js").Progress} progress */
  show({ receipts, counts }) {
    this.element.setAttribute("aria-busy", String(!counts));
    const now = JSON.stringify([receipts, counts]);
    if (now === this.#shown) return; // what is being read aloud goes on
    this.#shown = now;
    this.element.replaceChildren(...this.#content(receipts, counts));
  }

  #content(receipts, counts) {
    const sent = step("sent", "Sent", true, this.#message.created_at);
    if (!counts) return [steps(sent), h("ul", { class: "members" }, ...unknown())];
    if (!receipts.length) return [steps(sent), h("p", { class: "quiet" }, nobody(this.#chat))];
    if (this.#chat.isGroup) {
      return [steps(sent), ...listsOf(receipts, counts).map((list) => section(list, counts.all))];
    }
    const [{ delivered, read, delivered_at, read_at }] = receipts;
    return [
      steps(
        sent,
        step("delivered", "Delivered", delivered, delivered_at),
        step("read", "Read", read, read_at),
      ),
    ];
  }
}

function nobody({ isGroup }) {
  return isGroup ? "Nobody else who was a member when this was sent is still in the group." : "Only you can see this message.";
}

const steps = (...items) => h("ul", { class: "steps", "aria-label": "Steps" }, ...items);

/** Of what is done but not known when, nothing is said of the time. */
function step(drawing, name, done, at) {
  const when = done ? time(at) : h("span", { class: "quiet" }, "Not yet");
  return h("li", {}, icon(done ? drawing : "pending"), h("span", {}, name), when);
}

function section({ name, count, people }, all) {
  const heading = h("h3", {}, name, " ", h("span", { class: "share" }, `${count} of ${all}`));
  const left = count - people.length;
  return h(
    "section",
    { "aria-label": name },
    heading,
    h("ul", { class: "members" }, ...people.map(person)),
    left > 0 && people.length > 0 && h("p", { class: "quiet" }, `and ${left} more`),
  );
}

function person({ user_id, name, avatar: picture, at }) {
  const names = h("span", { class: "names" }, h("bdi", {}, plainName(name ?? user_id)));
  return h("li", {}, avatar({ user_id, name, avatar: picture }), names, time(at));
}

const time = (at) => at && told("moment", at);

function unknown() {
  return Array.from({ length: UNKNOWN }, () => h("li", { class: "skeleton", "aria-hidden": "true" }));
}
