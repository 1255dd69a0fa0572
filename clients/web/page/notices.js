// Owns what happened to a group while this page listened.

import { present } from "./time.js";

/**
 * A `conversation` frame of the feed: `afterSeq` is the last message before it, `at` when the page
 * heard of it. The frame tells neither its own time nor the role that was given.
 * @typedef {{cursor: number, afterSeq: number, at: string, change: string, actor_id: string,
 *            user_ids: string[]|undefined, title?: string, isHeir?: boolean,
 *            role?: string}} Notice
 */

const TOLD = new Set(["created", "renamed", "member_added", "member_removed", "left", "role"]);

export class Notices {
  /** All notices, oldest first. @type {Notice[]} */
  items = [];

  /** Returns those that there are words for. @returns {Notice[]} */
  get told() {
    return this.items.filter(({ change, role }) => change !== "role" || role !== undefined);
  }

  /** @param {any} frame @param {number} afterSeq */
  add({ cursor, change, actor_id, user_ids, title }, afterSeq) {
    if (!TOLD.has(change) || this.items.some((known) => known.cursor === cursor)) return;
    const last = this.items.at(-1);
    const isHeir = change === "role" && last?.change === "left" && last.actor_id === actor_id;
    if (change === "renamed") this.#forgetTitle(title);
    const at = present();
    const notice = { cursor, afterSeq, at, change, actor_id, user_ids, title, isHeir };
    this.items.push(isHeir ? { ...notice, role: "owner" } : notice);
  }

  /**
   * The roles as they were at that cursor: of several that somebody was given, only the last is known.
   * @param {Map<string, {role: string}>} members @param {number} cursor
   */
  resolve(members, cursor) {
    const later = new Set();
    for (const notice of this.items.filter((one) => one.cursor <= cursor).reverse()) {
      if (notice.change !== "role") continue;
      const [user] = notice.user_ids;
      notice.role ??= later.has(user) ? "" : (members.get(user)?.role ?? "");
      later.add(user);
    }
  }

  /** The roles cannot be learned: what is known is told without them. */
  settle() {
    for (const notice of this.items) if (notice.change === "role") notice.role ??= "";
  }

  clear() {
    this.items = [];
  }

  /** A replayed frame has the present title, and nobody gives a group the title it has. */
  #forgetTitle(title) {
    const last = this.items.findLast(({ change }) => change === "renamed");
    if (last?.title === title) last.title = undefined;
  }
}
