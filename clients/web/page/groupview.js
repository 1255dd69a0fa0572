// Owns the window about a group: who is in it, and what this user may change of that.

import { confirm } from "./confirm.js";
import { avatar, h, icon } from "./dom.js";
import { PeopleField } from "./people.js";
import { openSheet } from "./sheet.js";

const MAX_TITLE = "100";

export class GroupView {
  #chats;
  #api;
  #chat;
  #sheet;
  #list = h("ul", { class: "members", "aria-label": "Members" });
  #problem = h("p", { class: "problem", role: "alert" });

  /** @param {{chats: any, client: any, chat: import("./chat.js").Chat}} options */
  constructor({ chats, client, chat }) {
    this.#chats = chats;
    this.#api = client.api;
    this.#chat = chat;
    const changed = () => this.#show();
    const onClose = () => chats.removeEventListener("change", changed);
    chats.addEventListener("change", changed);
    const leave = { type: "button", class: "danger", on: { click: () => this.#leave() } };
    const parts = [this.#list, this.#problem, h("button", leave, "Leave the group")];
    if (this.#mayChange) parts.unshift(this.#renaming(), this.#adding());
    this.#sheet = openSheet({ title: chat.title, onClose }, ...parts);
    this.#show();
    this.#try(() => chats.meetMembers(chat));
  }

  get #mayChange() {
    return this.#chat.role === "owner" || this.#chat.role === "admin";
  }

  #renaming() {
    const field = h("input", { id: "group-title", maxlength: MAX_TITLE, required: true, autocomplete: "off" });
    field.value = this.#chat.title;
    const submit = (event) => {
      event.preventDefault();
      const title = field.value.trim();
      this.#try(async () => this.#take(await this.#api.update(this.#chat.conversationId, { title })));
    };
    const save = h("button", { type: "submit" }, "Rename");
    const label = h("label", { for: "group-title" }, "Title");
    return h("form", { on: { submit } }, label, h("div", { class: "together" }, field, save));
  }

  #adding() {
    const people = new PeopleField({ names: this.#chats.names, label: "Add people" });
    const submit = (event) => {
      event.preventDefault();
      const users = people.value;
      if (!users.length) return people.focus();
      this.#try(async () => {
        this.#take(await this.#api.addMembers(this.#chat.conversationId, users));
        people.clear();
        await this.#chats.meetMembers(this.#chat);
      });
    };
    return h("form", { on: { submit } }, people.element, h("button", { type: "submit" }, "Add"));
  }

  #take({ conversation }) {
    this.#chats.touched(this.#chats.take(conversation));
  }

  #show() {
    const { members, memberCount, title } = this.#chat;
    const heading = this.#sheet?.querySelector("h2");
    if (heading) heading.textContent = `${title} · ${memberCount}`;
    this.#list.replaceChildren(...[...members.values()].map((member) => this.#member(member)));
  }

  #member({ user_id, name, role }) {
    const you = user_id === this.#chats.me;
    const who = h("span", { class: "names" }, h("bdi", {}, name ?? user_id), you ? " (you)" : "");
    const rank = role === "member" ? null : h("span", { class: "rank" }, role);
    const remove = this.#mayRemove(you, role) && this.#remover(user_id, name ?? user_id);
    return h("li", {}, avatar({ user_id, name }), who, rank, remove);
  }

  #mayRemove(you, role) {
    if (you) return false;
    return this.#chat.role === "owner" || (this.#chat.role === "admin" && role === "member");
  }

  #remover(userId, name) {
    const click = () =>
      this.#try(async () => {
        await this.#api.removeMember(this.#chat.conversationId, userId);
        await this.#chats.meetMembers(this.#chat);
      });
    const button = { type: "button", class: "round", "aria-label": `Remove ${name}`, on: { click } };
    return h("button", button, icon("close"));
  }

  async #leave() {
    const choice = await confirm({
      title: `Leave ${this.#chat.title}?`,
      text: "You will see nothing of it any more, what was said before neither.",
      choices: [{ name: "Leave", value: "leave", danger: true }],
    });
    if (!choice) return;
    const { conversationId } = this.#chat;
    await this.#try(async () => {
      await this.#api.removeMember(conversationId, this.#chats.me);
      this.#sheet.close();
    });
  }

  async #try(act) {
    this.#problem.textContent = "";
    try {
      await act();
    } catch (error) {
      this.#problem.textContent = error.message;
    }
  }
}
