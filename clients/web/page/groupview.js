// Owns the window about a group: who is in it, and what this user may change of that.

import { confirm } from "./confirm.js";
import { h } from "./dom.js";
import { MemberList } from "./memberlist.js";
import { isolated, plainName } from "./names.js";
import { PeopleField } from "./people.js";
import { openSheet } from "./sheet.js";
import { written } from "./written.js";

const MAX_TITLE = "100";

export class GroupView {
  #chats;
  #api;
  #chat;
  #sheet;
  #members;
  #title = h("input", { id: "group-title", dir: "auto", maxlength: MAX_TITLE, required: true, autocomplete: "off" });
  #changing; // what members may not
  #problem = h("p", { class: "problem", role: "alert" });
  #again = h("button", { type: "button", hidden: true, on: { click: () => this.#retry() } }, "Try again");
  #meeting = false;
  #turn = Promise.resolve();
  #retries;
  #closed = new AbortController();

  /**
   * @param {{chats: any, client: any, again: import("./again.js").Again,
   *          chat: import("./chat.js").Chat}} options
   */
  constructor({ chats, client, again, chat }) {
    this.#retries = again;
    this.#chats = chats;
    this.#api = client.api;
    this.#chat = chat;
    const on = { role: (user, role) => this.#give(user, role), remove: (user) => this.#remove(user) };
    this.#members = new MemberList({ chat, me: chats.me, on });
    this.#changing = h("div", { class: "changing-group" }, this.#renaming(), this.#adding(client));
    this.#title.value = chat.writtenTitle;
    const onClose = this.#listen();
    const leave = { type: "button", class: "danger", on: { click: () => this.#leave() } };
    this.#sheet = openSheet(
      { title: chat.title, onClose },
      this.#changing,
      this.#members.element,
      this.#problem,
      this.#again,
      h("button", leave, "Leave the group"),
    );
    this.#show();
    this.#meet();
  }

  get #mayChange() {
    return this.#chat.role === "owner" || this.#chat.role === "admin";
  }

  /** @returns {() => void} to stop it */
  #listen() {
    const changed = () => this.#show();
    const left = ({ detail }) => detail === this.#chat && this.#sheet.close();
    this.#chats.addEventListener("change", changed);
    this.#chats.addEventListener("left", left);
    return () => {
      this.#closed.abort();
      this.#chats.removeEventListener("change", changed);
      this.#chats.removeEventListener("left", left);
    };
  }

  #renaming() {
    const submit = (event) => {
      event.preventDefault();
      const title = written(this.#title.value);
      this.#try(() => this.#change((conversationId) => this.#api.update(conversationId, { title })));
    };
    const save = h("button", { type: "submit" }, "Rename");
    const label = h("label", { for: "group-title" }, "Title");
    return h("form", { on: { submit } }, label, h("div", { class: "together" }, this.#title, save));
  }

  #adding(client) {
    const { names } = this.#chats;
    const people = new PeopleField({ names, label: "Add people", client, again: this.#retries });
    const submit = (event) => {
      event.preventDefault();
      const users = people.value;
      if (!users.length) return people.focus();
      this.#try(async () => {
        await this.#change((conversationId) => this.#api.addMembers(conversationId, users));
        people.clear();
        await this.#chats.meetMembers(this.#chat);
      });
    };
    return h("form", { on: { submit } }, people.element, h("button", { type: "submit" }, "Add"));
  }

  async #change(ask) {
    const asked = this.#chats.moment();
    const { conversation } = await ask(this.#chat.conversationId);
    this.#chats.touched(this.#chats.take(conversation, asked));
  }

  #show() {
    const { memberCount, title, writtenTitle } = this.#chat;
    const heading = this.#sheet.querySelector("h2");
    if (heading.dataset.title !== writtenTitle) {
      const untouched = this.#title.value === heading.dataset.title;
      if (untouched) this.#title.value = writtenTitle; // somebody else has renamed it
      heading.dataset.title = writtenTitle;
    }
    heading.replaceChildren(h("bdi", {}, plainName(title)), ` · ${memberCount}`);
    this.#changing.hidden = !this.#mayChange;
    this.#members.show();
  }

  #retry() {
    if (this.#meeting) this.#retries.now();
    else this.#meet();
  }

  async #meet() {
    this.#meeting = true;
    const onFailed = ({ message }) => {
      this.#problem.textContent = message;
      this.#again.hidden = false;
    };
    const meet = () => this.#chats.meetMembers(this.#chat);
    const how = { signal: this.#closed.signal, onFailed };
    const met = await this.#try(() => this.#retries.until(meet, how));
    this.#meeting = false;
    if (met) this.#problem.textContent = "";
    this.#again.hidden = met || this.#chat.members.size > 0;
  }

  async #give(user, role) {
    if (user === this.#chats.me && !(await this.#isSure())) return;
    await this.#try(async () => {
      await this.#inTurn(() => this.#api.setRole(this.#chat.conversationId, user, role));
      await this.#chats.meetMembers(this.#chat);
    });
  }

  /** One after the other: the last one asked for must be the last one that the server hears of. */
  #inTurn(act) {
    this.#turn = this.#turn.catch(() => {}).then(act);
    return this.#turn;
  }

  #isSure() {
    return confirm({
      title: "Give up ownership?",
      text: "Only another owner can make you one again.",
      choices: [{ name: "Give up ownership", value: "yes", danger: true }],
    });
  }

  #remove(user) {
    return this.#try(async () => {
      await this.#api.removeMember(this.#chat.conversationId, user);
      await this.#chats.meetMembers(this.#chat);
    });
  }

  async #leave() {
    const choice = await confirm({
      title: `Leave ${isolated(this.#chat.title)}?`,
      text: "You will no longer see this group or its earlier messages.",
      choices: [{ name: "Leave", value: "leave", danger: true }],
    });
    if (!choice) return;
    const { conversationId } = this.#chat;
    await this.#try(async () => {
      await this.#api.removeMember(conversationId, this.#chats.me);
      this.#sheet.close();
    });
  }

  /** @returns {Promise<boolean>} whether the server did it; if not, what it said is told */
  async #try(act) {
    this.#problem.textContent = "";
    try {
      await act();
      return true;
    } catch (error) {
      this.#problem.textContent = error.message;
      this.#problem.scrollIntoView({ block: "nearest" });
      return false;
    }
  }
}
