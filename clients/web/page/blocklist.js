// Owns the window about whom this user blocks: who they are, and letting them in again.

import { avatar, h } from "./dom.js";
import { Foot } from "./foot.js";
import { plainName } from "./names.js";
import { openSheet } from "./sheet.js";
import { told } from "./time.js";

const PAGE = 50;

export class BlockList {
  #api;
  #blocks;
  #next; // the page after those that are here; null: there is none
  #list = h("ul", { class: "members blocks", "aria-label": "Blocked people", tabindex: "-1" });
  #nobody = h("p", { class: "quiet", role: "status", tabindex: "-1", hidden: true });
  #foot;

  /**
   * @param {{client: any, again: import("./again.js").Again,
   *          blocks: import("./blocks.js").Blocks}} options
   */
  constructor({ client, again, blocks }) {
    this.#foot = new Foot({ rest: this.#list, again, onMore: () => this.#more() });
    this.#api = client.api;
    this.#blocks = blocks;
    this.#list.setAttribute("aria-busy", "true");
    this.#list.append(...Array.from({ length: 2 }, skeleton));
    const onClose = () => this.#foot.close();
    openSheet({ title: "Blocked people", onClose }, this.#list, this.#nobody, this.#foot.element);
    this.#foot.load(() => this.#more());
  }

  async #more() {
    const { blocks, next } = await this.#api.blocks({ limit: PAGE, after: this.#next });
    if (this.#next === undefined) this.#list.replaceChildren();
    this.#next = next;
    this.#list.append(...blocks.map((one) => this.#row(one)));
    this.#list.setAttribute("aria-busy", "false");
    this.#show();
  }

  #show() {
    const isEmpty = !this.#list.children.length && !this.#next;
    this.#nobody.hidden = !isEmpty;
    this.#nobody.textContent = isEmpty ? "You have not blocked anybody." : "";
    this.#list.hidden = isEmpty;
    this.#foot.show(Boolean(this.#next));
  }

  #row({ user_id, name, avatar: picture, created_at }) {
    const shown = plainName(name ?? user_id);
    const since = told("moment", created_at);
    const button = h("button", { type: "button", "aria-label": `Unblock ${shown}` }, "Unblock");
    const names = h("span", { class: "names" }, h("bdi", {}, shown), h("small", {}, "Since ", since));
    const node = h("li", {}, avatar({ user_id, name, avatar: picture }), names, button);
    button.addEventListener("click", () => this.#foot.once(() => this.#unblock(user_id, node, button)));
    return node;
  }

  async #unblock(userId, node, button) {
    button.disabled = true; // once is enough
    try {
      await this.#blocks.lift(userId);
    } catch (error) {
      button.disabled = false;
      button.focus();
      throw error;
    }
    this.#takeOut(node);
    if (!this.#list.children.length && this.#next) await this.#more();
  }

  /** The keyboard goes on to the next one. */
  #takeOut(node) {
    const beside = node.nextElementSibling ?? node.previousElementSibling;
    node.remove();
    this.#show();
    const rest = this.#nobody.hidden ? this.#list : this.#nobody;
    (beside?.querySelector("button") ?? rest).focus();
  }
}

const skeleton = () => h("li", { class: "skeleton", "aria-hidden": "true" });
