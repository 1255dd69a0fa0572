// Owns the list of who is in a group: their roles, and what this user may do about each.

import { place, refill } from "./children.js";
import { avatar, h, icon } from "./dom.js";
import { openMenu } from "./menu.js";
import { plainName } from "./names.js";

const ROLES = [
  { role: "owner", name: "Owner", note: "Can do everything and assign roles" },
  { role: "admin", name: "Admin", note: "Can add people, remove members and rename the group" },
  { role: "member", name: "Member", note: "Can write and leave" },
];
const NAME_OF = Object.fromEntries(ROLES.map(({ role, name }) => [role, name]));
const UNKNOWN = 3; // rows in place of those who are not known yet

export class MemberList {
  element;
  #chat;
  #me;
  #on;
  #rows = new Map(); // user_id → {node, show}
  #hoped = new Map(); // user_id → what was asked for last: {role}

  /**
   * @param {{chat: import("./chat.js").Chat, me: string,
   *          on: {role: (userId: string, role: string) => Promise<void>,
   *          remove: (userId: string) => void}}} options
   */
  constructor({ chat, me, on }) {
    this.#chat = chat;
    this.#me = me;
    this.#on = on;
    this.element = h("ul", { class: "members", "aria-label": "Members", tabindex: "-1" });
  }

  show() {
    const { members, memberCount } = this.#chat;
    const focused = this.element.contains(document.activeElement) ? document.activeElement : null;
    this.element.setAttribute("aria-busy", String(!members.size));
    for (const user of this.#rows.keys()) if (!members.has(user)) this.#rows.delete(user);
    const nodes = [...members.values()].map((member) => this.#row(member));
    if (!members.size) nodes.push(...unknown(Math.min(memberCount, UNKNOWN)));
    place(this.element, nodes);
    if (focused) this.#refocus(focused);
  }

  /** A row that moves loses the keyboard, and what goes takes it along. */
  #refocus(focused) {
    const there = focused.isConnected && !focused.closest("[hidden]");
    (there ? focused : this.element).focus();
  }

  #row(member) {
    const { user_id } = member;
    if (!this.#rows.has(user_id)) this.#rows.set(user_id, this.#newRow(user_id));
    const { node, show } = this.#rows.get(user_id);
    show(member);
    return node;
  }

  #newRow(userId) {
    const you = userId === this.#me;
    const parts = {
      face: h("span", { class: "face" }),
      name: h("bdi", {}),
      rank: h("span", { class: "rank" }),
      give: h("button", { type: "button", class: "give", "aria-haspopup": "menu" }),
      remove: h("button", { type: "button", class: "round" }, icon("close")),
    };
    parts.give.addEventListener("click", () => this.#choose(userId, parts));
    parts.remove.addEventListener("click", () => this.#on.remove(userId));
    const who = h("span", { class: "names" }, parts.name, you ? " (you)" : "");
    const node = h("li", {}, parts.face, who, parts.rank, parts.give, parts.remove);
    const show = (member) => this.#showRow(member, parts);
    return { node, show };
  }

  #showRow({ user_id, name, avatar: picture, role }, { face, name: title, rank, give, remove }) {
    const shown = plainName(name ?? user_id);
    const now = this.#hoped.get(user_id)?.role ?? role;
    const gives = this.#chat.role === "owner";
    if (title.textContent !== shown) title.textContent = shown;
    refill(face, [shown, picture], () => [avatar({ user_id, name, avatar: picture })]);
    rank.hidden = gives || role === "member";
    rank.textContent = NAME_OF[role];
    give.hidden = !gives;
    give.classList.toggle("changing", this.#hoped.has(user_id));
    if (give.dataset.role !== now) give.replaceChildren(NAME_OF[now], icon("down"));
    give.dataset.role = now;
    give.setAttribute("aria-label", `Role of ${shown}: ${NAME_OF[now]}`);
    remove.hidden = !this.#mayRemove(user_id, role);
    remove.setAttribute("aria-label", `Remove ${shown}`);
  }

  #mayRemove(userId, role) {
    if (userId === this.#me) return false;
    return this.#chat.role === "owner" || (this.#chat.role === "admin" && role === "member");
  }

  #choose(userId, { give, name }) {
    const { left, bottom } = give.getBoundingClientRect();
    const item = ({ role, name, note }) => {
      const checked = role === give.dataset.role;
      return { name, note, checked, act: () => checked || this.#give(userId, role) };
    };
    openMenu({ label: `Role of ${name.textContent}`, at: { x: left, y: bottom }, items: ROLES.map(item) });
  }

  /** Shown at once, and back when the server refuses. */
  async #give(userId, role) {
    const hope = { role };
    this.#hoped.set(userId, hope);
    this.show();
    await this.#on.role(userId, role);
    if (this.#hoped.get(userId) === hope) this.#hoped.delete(userId);
    this.show();
  }
}

function unknown(count) {
  return Array.from({ length: count }, () => h("li", { class: "skeleton", "aria-hidden": "true" }));
}
