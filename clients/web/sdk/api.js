// Owns the HTTP routes: what each is asked with, and what it answers.

import { Clock } from "./clock.js";
import { problem, reach, request, upload } from "./http.js";

/**
 * @typedef {{notification_type: string, enabled: boolean, realtime: boolean, push: boolean,
 *            email: boolean}} TypePreference
 * @typedef {{types: TypePreference[], quiet_hours: {start: string, end: string}|null,
 *            time_zone: string|null, digest: "off"|"hourly"|"daily"|"weekly"}} Preferences
 */

/**
 * @typedef {{attachment_id: string, name: string, media_type: string, size: number,
 *            width?: number, height?: number, thumbnail?: boolean}} Attachment
 */

export class Api {
  #url;
  #getToken;
  /** @type {import("./clock.js").Clock} */
  #clock;

  /**
   * @param {{url: string, getToken: (asked: {renew: boolean}) => Promise<string>,
   *          clock?: import("./clock.js").Clock}} options `clock`: learns the time of the answers
   */
  constructor({ url, getToken, clock = new Clock() }) {
    this.#url = url;
    this.#getToken = getToken;
    this.#clock = clock;
  }

  /** Returns the server's time, as `Date.now()`. */
  now() {
    return this.#clock.now();
  }

  /**
   * Returns the inbox, newest first; or the direct conversation with `peer`; or the conversations with these ids.
   * @param {{limit?: number, before?: number, peer?: string, ids?: string[]}} [page]
   */
  conversations(page = {}) {
    return this.#authorized("GET", `/v1/conversations${query(page)}`);
  }

  /** Returns one conversation. @param {string} conversationId */
  conversation(conversationId) {
    return this.#authorized("GET", path(conversationId));
  }

  /**
   * Returns a page of one conversation, oldest first; or its messages with these ids, up to a hundred.
   * @param {string} conversationId
   * @param {{before_id?: number, after_id?: number, limit?: number, ids?: number[]}} [page]
   */
  messages(conversationId, page = {}) {
    return this.#authorized("GET", path(conversationId, "messages") + query(page));
  }

  /**
   * Returns the feed after a position, page by page; without one, where it is now.
   * @param {{epoch?: string, cursor?: number, limit?: number}} [position]
   * @returns {Promise<{epoch: string, cursor: number, frames: any[], has_more: boolean}>}
   */
  sync(position = {}) {
    return this.#authorized("GET", `/v1/sync${query(position)}`);
  }

  /** @param {object} message the fields of a `message` frame */
  send({ type, ...message }) {
    return this.#authorized("POST", "/v1/messages", message);
  }

  /** @param {number} messageId @param {string} content */
  edit(messageId, content) {
    return this.#authorized("PATCH", `/v1/messages/${messageId}`, { content });
  }

  /** @param {number} messageId @param {"me"|"everyone"} mode */
  delete(messageId, mode) {
    return this.#authorized("DELETE", `/v1/messages/${messageId}${query({ mode })}`);
  }

  /**
   * Deletes up to a hundred messages; each has a result of its own.
   * @param {number[]} messageIds @param {"me"|"everyone"} mode
   * @returns {Promise<{results: {message_id: number, deleted: boolean, error?: any}[]}>}
   */
  deleteMessages(messageIds, mode) {
    return this.#authorized("POST", "/v1/messages/delete", { message_ids: messageIds, mode });
  }

  /** @param {number} messageId @param {string} emoji @param {{remove?: boolean}} [how] */
  react(messageId, emoji, { remove = false } = {}) {
    return this.#authorized("POST", `/v1/messages/${messageId}/reactions`, { emoji, remove });
  }

  /**
   * Changes how this user sees a conversation, or what a group is called.
   * @param {string} conversationId
   * @param {{archived?: boolean, muted?: boolean, title?: string}} changes
   */
  update(conversationId, changes) {
    return this.#authorized("PATCH", path(conversationId), changes);
  }

  /** Moves the read mark, never back. @param {string} conversationId @param {number} upTo a seq */
  markRead(conversationId, upTo) {
    return this.#authorized("POST", path(conversationId, "read"), { up_to: upTo });
  }

  /** Tells that this device holds everything up to a seq. @param {string} conversationId @param {number} upTo */
  markDelivered(conversationId, upTo) {
    return this.#authorized("POST", path(conversationId, "delivered"), { up_to: upTo });
  }

  /** Hides everything said so far from this user alone. @param {string} conversationId */
  clear(conversationId) {
    return this.#authorized("POST", path(conversationId, "clear"));
  }

  /** Returns how much is unread in all conversations. */
  unread() {
    return this.#authorized("GET", "/v1/unread");
  }

  /**
   * Makes a group of this user and others. The same `client_id` again gives the same group.
   * @param {{title: string, members: string[], client_id: string}} group
   */
  createGroup(group) {
    return this.#authorized("POST", "/v1/conversations", group);
  }

  /**
   * Returns who is in a conversation, by user id.
   * @param {string} conversationId @param {{limit?: number, after?: string}} [page]
   */
  members(conversationId, page = {}) {
    return this.#authorized("GET", path(conversationId, "members") + query(page));
  }

  /** @param {string} conversationId @param {string[]} userIds */
  addMembers(conversationId, userIds) {
    return this.#authorized("POST", path(conversationId, "members"), { members: userIds });
  }

  /** Takes a member out of a group; oneself: leaves it. @param {string} conversationId */
  removeMember(conversationId, userId) {
    return this.#authorized("DELETE", path(conversationId, "members", userId));
  }

  /** @param {string} conversationId @param {"owner"|"admin"|"member"} role */
  setRole(conversationId, userId, role) {
    return this.#authorized("PATCH", path(conversationId, "members", userId), { role });
  }

  /**
   * Returns who a user is; rejects with `not_found` where there is nobody, or who blocks this user.
   * @param {string} userId @returns {Promise<{user_id: string, name: string|null, avatar: string|null}>}
   */
  user(userId) {
    return this.#authorized("GET", `/v1/users/${encodeURIComponent(userId)}`);
  }

  /**
   * Returns whom this user may write to, by the beginnings of words of their names. A page may be empty although
   * there are more: go on with `next` as `after` until it is null.
   * @param {{q: string, limit?: number, after?: string}} asked
   * @returns {Promise<{users: {user_id: string, name: string|null, avatar: string|null}[], next: string|null}>}
   */
  findUsers(asked) {
    return this.#authorized("GET", `/v1/users${query(asked)}`);
  }

  /**
   * Returns whether a user is online, and when they were last seen.
   * @param {string} userId @returns {Promise<{user_id: string, is_online: boolean, last_seen: string|null}>}
   */
  status(userId) {
    return this.#authorized("GET", `/v1/users/${encodeURIComponent(userId)}/status`);
  }

  /** Blocks a user, who can then no longer write to this one. @param {string} userId */
  block(userId) {
    return this.#authorized("POST", "/v1/blocks", { user_id: userId });
  }

  /** @param {string} userId */
  unblock(userId) {
    return this.#authorized("DELETE", `/v1/blocks/${encodeURIComponent(userId)}`);
  }

  /**
   * Returns whom this user has blocked, by user id; or whether that user is among them.
   * @param {{limit?: number, after?: string, user_id?: string}} [page]
   */
  blocks(page = {}) {
    return this.#authorized("GET", `/v1/blocks${query(page)}`);
  }

  /**
   * Tells who runs the server about somebody, or a message.
   * @param {{client_id: string, user_id?: string, message_id?: number, reason: string,
   *          comment?: string}} report
   */
  report(report) {
    return this.#authorized("POST", "/v1/reports", report);
  }

  /** Returns the key with which browsers subscribe to web push; "" where it is off. @returns {Promise<{public_key: string}>} */
  pushKey() {
    return this.#authorized("GET", "/v1/push-key");
  }

  /** Sends notifications to this browser. @param {PushSubscriptionJSON} subscription */
  addPushSubscription(subscription) {
    return this.#authorized("POST", "/v1/push-subscriptions", subscription);
  }

  /** Sends no more notifications to this browser. @param {string} endpoint of the subscription */
  removePushSubscription(endpoint) {
    return this.#authorized("DELETE", "/v1/push-subscriptions", { endpoint });
  }

  /**
   * Returns a page of this user's notifications, latest first, and how many are unread.
   * @param {{limit?: number, before?: string, unread_only?: boolean, notification_type?: string}} [page]
   *        `before`: the `next` of the page before
   * @returns {Promise<{notifications: import("../linkup-client.js").Notification[], next: string|null,
   *          unread_count: number}>}
   */
  notifications(page = {}) {
    return this.#authorized("GET", `/v1/notifications${query(page)}`);
  }

  /**
   * @param {string} notificationId
   * @returns {Promise<{count: number, unread_count: number, read_at: string}>}
   */
  readNotification(notificationId) {
    return this.#authorized("POST", `/v1/notifications/${encodeURIComponent(notificationId)}/read`);
  }

  /**
   * Marks all as read, or those of a type; with `up_to`, only this one and older ones.
   * @param {{notification_type?: string, up_to?: string}} [which]
   * @returns {Promise<{count: number, unread_count: number, read_at: string}>}
   */
  readNotifications(which = {}) {
    return this.#authorized("POST", "/v1/notifications/read-all", which);
  }

  /** @returns {Promise<Preferences>} */
  notificationPreferences() {
    return this.#authorized("GET", "/v1/notification-preferences");
  }

  /** Changes preferences; what is left out stays. @param {Partial<Preferences>} changes @returns {Promise<Preferences>} */
  putNotificationPreferences(changes) {
    return this.#authorized("PUT", "/v1/notification-preferences", changes);
  }

  /**
   * Returns messages with all these words, newest first.
   * @param {{q: string, conversation_id?: string, limit?: number, before?: number}} asked
   */
  search(asked) {
    return this.#authorized("GET", `/v1/search${query(asked)}`);
  }

  /**
   * Returns whom an own message was for, by user id: who has it, who has read it, since when.
   * @param {number} messageId @param {{limit?: number, after?: string}} [page]
   */
  receipts(messageId, page = {}) {
    return this.#authorized("GET", `/v1/messages/${messageId}/receipts${query(page)}`);
  }

  /** Returns the steps of an own message. @param {number} messageId */
  timeline(messageId) {
    return this.#authorized("GET", `/v1/messages/${messageId}/timeline`);
  }

  /**
   * Uploads a file for a message to carry; a message sends it within a day, or it is deleted.
   * @param {File} file
   * @param {{onProgress?: (share: number) => void, signal?: AbortSignal}} [how] from 0 to 1
   * @returns {Promise<Attachment>}
   */
  async upload(file, how = {}) {
    const url = `${this.#url}/v1/attachments${query({ name: fileName(file) })}`;
    try {
      return await upload(url, file, await this.#getToken({ renew: false }), how);
    } catch (error) {
      if (error.status !== 401) throw error;
      return upload(url, file, await this.#getToken({ renew: true }), how);
    }
  }

  /**
   * Returns where a file is for some minutes: `url`, perhaps `thumbnail_url`, until `expires_at`. Whoever
   * has them needs no token.
   * @param {string} attachmentId
   */
  async attachment(attachmentId) {
    return this.#placed(await this.#authorized("GET", `/v1/attachments/${encodeURIComponent(attachmentId)}`));
  }

  /** Returns the URLs of these files, up to a hundred; those that are not to be had are left out. */
  async attachments(ids) {
    const { attachments } = await this.#authorized("GET", `/v1/attachments${query({ ids })}`);
    return attachments.map((found) => this.#placed(found));
  }

  /**
   * Returns a ticket, which opens one WebSocket of this user within 30 seconds.
   * @returns {Promise<{ticket: string, expires_at: string}>}
   */
  ticket() {
    return this.#authorized("POST", "/v1/tickets");
  }

  /**
   * Revokes the token in use: the server refuses it from now on, and closes the WebSockets that use
   * it. Resolves as well if it was refused already.
   */
  async logout() {
    const token = await this.#getToken({ renew: false });
    try {
      await request(this.#url, "POST", "/v1/logout", undefined, token, this.#clock);
    } catch (error) {
      if (error.status !== 401) throw error;
    }
  }

  /** Rejects unless the bytes of a file can be had. @param {string} url one of its URLs */
  async probe(url) {
    const response = await reach(url, { headers: { Range: "bytes=0-0" } });
    if (!response.ok) throw await problem(response);
    await response.body?.cancel();
  }

  #placed(found) {
    const full = (place) => place && new URL(place, this.#url).href;
    return { ...found, url: full(found.url), thumbnail_url: full(found.thumbnail_url) };
  }

  async #authorized(method, route, body) {
    const ask = async (how) => request(this.#url, method, route, body, await this.#getToken(how), this.#clock);
    try {
      return await ask({ renew: false });
    } catch (error) {
      if (error.status !== 401) throw error;
      return ask({ renew: true });
    }
  }
}

/**
 * Signs in as the demo does, where the server allows it.
 * @param {string} url
 * @param {{user_id: string, name?: string}} who
 * @returns {Promise<{token: string, user_id: string, name?: string}>}
 */
export function login(url, who) {
  return request(url, "POST", "/v1/dev/login", who);
}

/** What the server takes as a name. */
function fileName({ name }) {
  const clean = name.replace(/[\u0000-\u001f\u007f-\u009f]/gu, "");
  const end = clean.match(/\.[^.]{1,10}$/u)?.[0] ?? "";
  return Array.from(clean).length <= 255 ? clean || "file" : Array.from(clean).slice(0, 240).join("") + end;
}

function path(conversationId, ...more) {
  return ["/v1/conversations", ...[conversationId, ...more].map(encodeURIComponent)].join("/");
}

function query(values) {
  const given = Object.entries(values).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `?${new URLSearchParams(given)}` : "";
}
