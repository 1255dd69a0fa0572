// Owns the list of notifications that this page has loaded, and the number of unread ones.

import { Pace } from "../pace.js";
import { present } from "../time.js";

const PAGE = 50;
const REFRESH_MS = 1_000;

/**
 * @typedef {{notification_id: string, notification_type: string, priority: string, title: string,
 *            body: string, sender_id?: string, sender_name?: string, action_url?: string,
 *            conversation_id?: string, created_at: string, updated_at?: string,
 *            is_read?: boolean, read_at?: string|null, group_count?: number}} Notice
 */

/**
 * Emits `change`; and `arrived`, with the notification as `detail`. The list on the server is the
 * truth: what arrives live only updates this copy.
 */
export class Feed extends EventTarget {
  /** The notifications that are loaded, newest first. @type {Notice[]} */
  items = [];
  loaded = false;
  unread = 0;
  /** Continues the list; null at its end. @type {string|null} */
  next = null;
  filter = { unreadOnly: false, type: "" };
  /** Whether the list is on the screen, and has to follow the server. */
  isShown = false;
  #client;
  #api;
  #outside = new Map(); // the unread notifications that belong to no conversation, by id
  #asked = 0;
  #heard = 0; // frames: an answer may be older than the last one
  #counted = true; // this connection has told a number
  #refreshing;

  /**
   * @param {{client: any, again: import("../again.js").Again, signal?: AbortSignal}} options
   *        `signal`: ends listening
   */
  constructor({ client, again, signal }) {
    super();
    this.#client = client;
    this.#api = client.api;
    this.#refreshing = new Pace(() => again.until(() => this.load(), { signal }).catch(() => {}), REFRESH_MS);
    const listen = (type, act) => client.addEventListener(type, ({ detail }) => act(detail), { signal });
    const hear = (type, act) =>
      listen(type, (frame) => {
        this.#heard += 1;
        act(frame);
      });
    listen("state", ({ state }) => state === "connected" && this.#missed());
    hear("badge_update", (frame) => this.#badge(frame.unread_count));
    hear("notification", (frame) => this.#arrived(frame));
    hear("notification_read", (frame) => this.#readOne(frame));
    hear("notifications_read", (frame) => this.#readMany(frame));
  }

  /** How many unread ones belong to no conversation, as far as this page has seen them. */
  get unreadOutside() {
    return Math.min(this.#outside.size, this.unread);
  }

  /** Loads the first page; older ones that are loaded stay. */
  async load() {
    const asked = (this.#asked += 1);
    const heard = this.#heard;
    const page = await this.#ask();
    if (asked !== this.#asked) return;
    const older = this.#olderThan(page);
    this.items = [...page.notifications, ...older];
    if (!older.length) this.next = page.next;
    this.loaded = true;
    this.#took(page, heard);
  }

  /** Loads the next page. */
  async more() {
    const { filter } = this;
    const heard = this.#heard;
    const page = await this.#ask(this.next);
    if (filter !== this.filter) return; // it belongs to another list
    const known = new Set(this.items.map(idOf));
    this.items = [...this.items, ...page.notifications.filter((one) => !known.has(idOf(one)))];
    this.next = page.next;
    this.#took(page, heard);
  }

  /** Turns to another list, which has to be loaded. @param {{unreadOnly?: boolean, type?: string}} filter */
  choose(filter) {
    this.#asked += 1; // an answer that is under way belongs to the old list
    this.filter = { ...this.filter, ...filter };
    this.items = [];
    this.next = null;
    this.loaded = false;
    this.#changed();
  }

  /** Marks one as read: here at once, and unread again if the server refuses. @param {Notice} notice */
  async read(notice) {
    if (notice.read_at) return;
    const { unread } = this;
    const heard = this.#heard;
    this.#mark([notice.notification_id], present());
    if (!notice.is_read) this.#count(Math.max(0, unread - 1)); // else it is of a muted conversation
    try {
      this.#answered((await this.#api.readNotification(notice.notification_id)).unread_count, heard);
    } catch (error) {
      this.#mark([notice.notification_id], null);
      this.#answered(unread, heard);
      throw error;
    }
  }

  /** Marks all in this list as read, except those that arrive meanwhile. */
  async readAll() {
    const { type } = this.filter;
    const [first] = this.items;
    const asked = { ...(type && { notification_type: type }), ...(first && { up_to: idOf(first) }) };
    const heard = this.#heard;
    const answer = await this.#api.readNotifications(asked);
    this.#markMany({ ...asked, ...answer });
    this.#answered(answer.unread_count, heard);
  }

  /** Between two connections, others may have been read. */
  #missed() {
    this.#counted = false;
    if (this.isShown || this.#outside.size) this.#refreshing.ask();
  }

  #ask(before) {
    const { unreadOnly, type } = this.filter;
    const filter = { unread_only: unreadOnly || undefined, notification_type: type || undefined };
    return this.#api.notifications({ limit: PAGE, before, ...filter });
  }

  #olderThan({ notifications, next }) {
    if (!next || !this.loaded) return [];
    const fresh = new Set(notifications.map(idOf));
    const last = timeOf(notifications.at(-1));
    return this.items.filter((one) => !fresh.has(idOf(one)) && timeOf(one) < last);
  }

  /** What was heard of meanwhile is perhaps not in it; another number says that something is not. */
  #took({ notifications, unread_count }, heard) {
    for (const notice of notifications) this.#sort(notice);
    const isOlder = heard !== this.#heard && (this.isShown || unread_count !== this.unread);
    if (isOlder) this.#refreshing.ask();
    this.#answered(unread_count, heard);
  }

  /** The gateway tells a number once: an answer from before it must not take its place. */
  #answered(unread, heard) {
    this.#count(heard === this.#heard ? unread : this.unread);
  }

  /** One that is grouped again is unread again, and moves to the top. */
  #arrived(frame) {
    const notice = { ...frame, read_at: frame.read_at ?? null };
    this.#sort(notice);
    if (this.loaded && this.#isListed(notice)) {
      const others = this.items.filter((one) => idOf(one) !== idOf(notice));
      this.items = [notice, ...others];
    }
    this.dispatchEvent(new CustomEvent("arrived", { detail: notice }));
    this.#changed();
  }

  #isListed({ notification_type }) {
    return !this.filter.type || this.filter.type === notification_type;
  }

  #readOne({ notification_id, read_at, unread_count }) {
    this.#mark([notification_id], read_at);
    this.#count(unread_count);
  }

  #readMany(frame) {
    this.#markMany(frame);
    this.#count(frame.unread_count);
  }

  /** By their times: this may be heard of after one that has arrived since. */
  #markMany({ notification_type: type, up_to, read_at }) {
    const known = [...this.items, ...this.#outside.values()];
    const last = known.find((one) => idOf(one) === up_to);
    if (up_to && !last) this.#refreshing.ask();
    const until = Math.min(Date.parse(read_at), last ? timeOf(last) : Infinity);
    const isMeant = (one) => timeOf(one) <= until && (!type || one.notification_type === type);
    this.#mark(known.filter(isMeant).map(idOf), read_at);
  }

  #mark(ids, readAt) {
    const meant = new Set(ids);
    this.items = this.items.map((one) => (meant.has(idOf(one)) ? { ...one, read_at: readAt } : one));
    for (const one of this.items) if (meant.has(idOf(one))) this.#sort(one);
    if (readAt) for (const id of ids) this.#outside.delete(id);
  }

  #sort(notice) {
    if (notice.read_at || notice.conversation_id) this.#outside.delete(idOf(notice));
    else this.#outside.set(idOf(notice), notice);
  }

  /** Another number than expected: the list has changed. */
  #badge(unread) {
    const follows = this.isShown || (this.loaded && this.#isAlone);
    if (unread !== this.unread && follows) this.#refreshing.ask();
    this.#counted = true;
    this.#count(unread);
  }

  /** Whether a number may tell of a notification that no frame tells: the first one of a connection, or any over HTTP. */
  get #isAlone() {
    return !this.#counted || this.#client.road === "http";
  }

  #count(unread) {
    this.unread = unread;
    this.#changed();
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }
}

const idOf = ({ notification_id }) => notification_id;
const timeOf = ({ updated_at, created_at }) => Date.parse(updated_at ?? created_at);
