// Tests what the page knows of notifications and preferences, and in which tab a desktop notification appears.

import assert from "node:assert/strict";
import { test } from "node:test";

import { capped } from "../../../clients/web/page/notifications/bell.js";
import { Desktop } from "../../../clients/web/page/notifications/desktop.js";
import { Feed } from "../../../clients/web/page/notifications/feed.js";
import { Preferences } from "../../../clients/web/page/notifications/preferences.js";
import { BUILT_IN, grouped, wordsOf } from "../../../clients/web/page/notifications/types.js";

const again = { until: (ask) => ask() };
const LATER = "2026-11-20T12:30:00.000000Z";
const turn = () => new Promise(setImmediate);

/** The n-th of them, the higher the newer. */
function notice(n, more = {}) {
  const at = new Date(Date.UTC(2026, 10, 20, 12, n)).toISOString();
  const words = { title: `Title ${n}`, body: "", priority: "normal", notification_type: "mention" };
  return { notification_id: `n${n}`, ...words, created_at: at, updated_at: at, read_at: null, ...more };
}

class Server extends EventTarget {
  userId = "me";
  asked = [];
  notices = [];
  refusal = null;
  api = {
    notifications: async ({ before, limit, ...filter }) => {
      this.asked.push({ before, ...filter });
      const from = before ? Number(before) : 0;
      const end = from + this.page;
      const next = end < this.notices.length ? String(end) : null;
      return { notifications: this.notices.slice(from, end), next, unread_count: this.unread };
    },
    readNotification: async (id) => {
      if (this.refusal) throw this.refusal;
      this.notices = this.notices.map((one) => (one.notification_id === id ? { ...one, read_at: LATER } : one));
      return { count: 1, unread_count: this.unread };
    },
    readNotifications: async (asked) => {
      this.asked.push(asked);
      this.notices = this.notices.map((one) => ({ ...one, read_at: LATER }));
      return { count: 2, unread_count: 0, read_at: LATER };
    },
  };

  constructor(notices = [], page = 50) {
    super();
    Object.assign(this, { notices, page });
  }

  get unread() {
    return this.notices.filter(({ read_at }) => !read_at).length;
  }

  now = () => Date.now();

  tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

const ids = ({ items }) => items.map(({ notification_id }) => notification_id);

async function feedOf(server) {
  const feed = new Feed({ client: server, again });
  await feed.load();
  return feed;
}

test("s92: the list goes on page by page, and each is in it once", async () => {
  const server = new Server([5, 4, 3, 2, 1].map((n) => notice(n)), 2);
  const feed = await feedOf(server);
  await feed.more();
  assert.deepEqual(ids(feed), ["n5", "n4", "n3", "n2"]);
  server.notices.unshift(notice(6));
  await feed.load(); // the older ones stay, and the list goes on where it was
  assert.deepEqual(ids(feed), ["n6", "n5", "n4", "n3", "n2"]);
  await feed.more();
  assert.deepEqual(ids(feed), ["n6", "n5", "n4", "n3", "n2", "n1"]);
  assert.equal(feed.next, null);
});

test("s92: one that arrives is on top, and one that is grouped again moves there", async () => {
  const server = new Server([notice(2, { read_at: "then" }), notice(1)]);
  const feed = await feedOf(server);
  server.tell("notification", notice(1, { group_count: 2 }));
  server.tell("notification", notice(3));
  server.tell("badge_update", { unread_count: 2 });
  assert.deepEqual(ids(feed), ["n3", "n1", "n2"]);
  assert.equal(feed.items[1].group_count, 2);
  assert.equal(feed.unread, 2);
});

test("s92: a list that is narrowed takes in nothing else, and no late answer of the old one", async () => {
  const server = new Server([notice(1)]);
  const feed = await feedOf(server);
  const late = feed.load();
  feed.choose({ type: "mention", unreadOnly: true });
  await late;
  assert.equal(feed.loaded, false);
  await feed.load();
  assert.deepEqual(server.asked.at(-1), { before: undefined, unread_only: true, notification_type: "mention" });
  server.tell("notification", notice(2, { notification_type: "post_liked" }));
  assert.deepEqual(ids(feed), ["n1"]);
});

test("s92: read is shown at once, and unread again when the server refuses", async () => {
  const server = new Server([notice(2), notice(1)]);
  const feed = await feedOf(server);
  const reading = feed.read(feed.items[0]);
  assert.deepEqual([feed.unread, Boolean(feed.items[0].read_at)], [1, true]);
  await reading;
  assert.equal(feed.unread, 1);
  server.refusal = new Error("no");
  await assert.rejects(feed.read(feed.items[1]), /no/);
  assert.deepEqual([feed.unread, feed.items[1].read_at], [1, null]);
});

test("s92: all are read up to the newest that was on the screen", async () => {
  const server = new Server([notice(2), notice(1)]);
  const feed = await feedOf(server);
  await feed.readAll();
  assert.deepEqual(server.asked.at(-1), { up_to: "n2" });
  assert.ok(feed.items.every(({ read_at }) => read_at));
  assert.deepEqual([feed.unread, feed.unreadOutside], [0, 0]);
});

test("s92: what another device has read is read here", async () => {
  const server = new Server([notice(3), notice(2, { notification_type: "post_liked" }), notice(1)]);
  const feed = await feedOf(server);
  const unread = () => feed.items.filter(({ read_at }) => !read_at).map(({ notification_id }) => notification_id);
  server.tell("notification_read", { notification_id: "n3", read_at: LATER, unread_count: 2 });
  assert.deepEqual([unread(), feed.unread], [["n2", "n1"], 2]);
  server.tell("notifications_read", { notification_type: "mention", up_to: "n2", read_at: LATER, unread_count: 1 });
  assert.deepEqual([unread(), feed.unread], [["n2"], 1]);
});

test("s92: the title counts what belongs to no conversation: messages are counted there", async () => {
  const message = { conversation_id: "c", notification_type: "new_message" };
  const server = new Server([notice(3, message), notice(2), notice(1, { read_at: "then" })]);
  const feed = await feedOf(server);
  assert.equal(feed.unreadOutside, 1);
  server.tell("notification", notice(4));
  server.tell("badge_update", { unread_count: 3 });
  assert.equal(feed.unreadOutside, 2);
  server.tell("badge_update", { unread_count: 0 }); // from before it
  assert.equal(feed.unreadOutside, 0);
  server.tell("badge_update", { unread_count: 2 });
  assert.equal(feed.unreadOutside, 2);
  server.tell("notification", notice(40)); // after all were read, and yet heard of before
  server.tell("notifications_read", { read_at: LATER, unread_count: 0 });
  server.tell("badge_update", { unread_count: 2 }); // the other one is a message
  assert.equal(feed.unreadOutside, 1);
});

test("s92: only a list on the screen follows the badge, once a second", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const server = new Server([notice(1)]);
  const feed = await feedOf(server);
  server.tell("badge_update", { unread_count: 2 });
  t.mock.timers.tick(5_000);
  assert.equal(server.asked.length, 1);
  feed.isShown = true;
  for (const unread_count of [3, 4, 5]) server.tell("badge_update", { unread_count });
  t.mock.timers.tick(5_000);
  assert.equal(server.asked.length, 2);
});

test("s92: a number that was told since is not replaced by an answer from before it", async () => {
  const server = new Server([notice(1)]);
  const feed = await feedOf(server);
  let answer;
  server.api.readNotifications = () => new Promise((resolve) => (answer = resolve));
  const reading = feed.readAll();
  server.tell("notifications_read", { up_to: "n1", read_at: LATER, unread_count: 0 });
  server.tell("notification", notice(2));
  server.tell("badge_update", { unread_count: 1 });
  answer({ count: 1, unread_count: 0, read_at: LATER });
  await reading;
  assert.equal(feed.unread, 1);
  const one = feed.read(feed.items[0]);
  server.tell("badge_update", { unread_count: 7 });
  await one;
  assert.equal(feed.unread, 7);
});

test("s92: what arrives while the list is loaded is in it soon, and counts at once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const server = new Server([notice(1)]);
  const feed = await feedOf(server);
  feed.isShown = true;
  const loading = feed.load();
  server.notices.unshift(notice(2));
  server.tell("notification", notice(2));
  server.tell("badge_update", { unread_count: 2 });
  await loading;
  assert.equal(feed.unread, 2);
  t.mock.timers.tick(1_000);
  await turn();
  assert.deepEqual(ids(feed), ["n2", "n1"]);
});

test("s92: what only the first number of a connection tells of is counted in the title", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const server = new Server();
  const feed = await feedOf(server);
  server.notices.unshift(notice(1)); // before anybody listened
  server.tell("state", { state: "connected" });
  server.tell("badge_update", { unread_count: 1 });
  t.mock.timers.tick(0);
  await turn();
  assert.equal(feed.unreadOutside, 1);
  server.tell("badge_update", { unread_count: 2 }); // a message, which has told itself
  t.mock.timers.tick(5_000);
  assert.equal(server.asked.length, 2);
  server.road = "http";
  server.tell("badge_update", { unread_count: 3 });
  t.mock.timers.tick(5_000);
  assert.equal(server.asked.length, 3);
});

test("s92: what came while the list was loaded for the first time is counted in the title", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const server = new Server();
  const feed = new Feed({ client: server, again });
  const loading = feed.load();
  server.notices.unshift(notice(1));
  server.tell("state", { state: "connected" });
  server.tell("badge_update", { unread_count: 1 });
  await loading;
  t.mock.timers.tick(0);
  await turn();
  assert.equal(feed.unreadOutside, 1);
});

test("s92: the list goes on also where it is loaded anew meanwhile", async () => {
  const server = new Server([3, 2, 1].map((n) => notice(n)), 2);
  const feed = await feedOf(server);
  await Promise.all([feed.more(), feed.load()]);
  assert.deepEqual([ids(feed), feed.next], [["n3", "n2", "n1"], null]);
  feed.choose({ type: "mention" });
  await feed.load();
  const late = feed.more();
  feed.choose({ type: "" });
  await feed.load();
  await late;
  assert.deepEqual(ids(feed), ["n3", "n2"]);
});

test("s92: the badge goes up to 99", () => {
  assert.deepEqual([1, 99, 100, 5_000].map(capped), ["1", "99", "99+", "99+"]);
});

test("s67_s93: every type has words and a group, and those of the host come last", () => {
  const groups = grouped(["invoice_paid", ...BUILT_IN].reverse());
  assert.deepEqual(groups.map(({ name }) => name), ["Messages", "Connections", "Jobs", "Posts", "System", "Other"]);
  assert.deepEqual(groups.flatMap(({ types }) => types), [...BUILT_IN, "invoice_paid"]);
  assert.equal(BUILT_IN.length, 17);
  assert.equal(wordsOf("invoice_paid"), "Invoice paid");
});

/** Answers a change when it is told to. */
function settings() {
  const type = { notification_type: "mention", enabled: true, realtime: true, push: true, email: true };
  const known = { types: [type], quiet_hours: null, time_zone: null, digest: "off" };
  const waiting = [];
  const api = {
    notificationPreferences: async () => known,
    putNotificationPreferences: (changes) =>
      new Promise((resolve, reject) => waiting.push({ changes, resolve, reject })),
  };
  return { known, waiting, preferences: new Preferences({ client: { api } }) };
}

test("s93: changes are shown at once and stored one after the other", async () => {
  const { known, waiting, preferences } = settings();
  await preferences.load();
  const told = [];
  preferences.addEventListener("saved", () => told.push("saved"));
  preferences.setType("mention", { email: false });
  const done = preferences.set({ digest: "daily" });
  assert.deepEqual([preferences.of("mention").email, preferences.known.digest], [false, "daily"]);
  await turn();
  assert.equal(waiting.length, 1);
  const stored = { ...known, types: waiting[0].changes.types };
  waiting[0].resolve(stored);
  await turn();
  assert.equal(preferences.known.digest, "daily"); // still pending
  waiting[1].resolve({ ...stored, digest: "daily" });
  await done;
  assert.deepEqual(told, ["saved"]);
});

test("s93: a refused change is undone, and its reason is told", async () => {
  const { waiting, preferences } = settings();
  await preferences.load();
  const told = [];
  preferences.addEventListener("refused", ({ detail }) => told.push(detail.message));
  const done = preferences.set({ quiet_hours: { start: "22:00", end: "22:00" } });
  await turn();
  waiting[0].reject(new Error("`quiet_hours.end`"));
  await done;
  assert.equal(preferences.known.quiet_hours, null);
  assert.deepEqual(told, ["`quiet_hours.end`"]);
});

/** A browser with tabs that share their locks. `shown`: what appeared, by tab. */
function browser(t) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const [held, shown, closed] = [new Set(), [], []];
  const locks = {
    request: async (name, how, act) => {
      if (held.has(name)) return act(null);
      held.add(name);
      await act({ name });
      held.delete(name);
    },
  };
  class Notification {
    constructor(title, how) {
      shown.push({ title, ...how, node: this });
    }
    close = () => closed.push(this);
  }
  const page = { hidden: false, hasFocus: () => false };
  const before = ["navigator", "document", "Notification"].map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  const set = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true });
  set("navigator", { locks });
  set("document", page);
  set("Notification", Notification);
  t.after(() => {
    for (const [name, how] of before) if (how) Object.defineProperty(globalThis, name, how);
      else delete globalThis[name];
  });
  return { shown, closed, page };
}

function tab(watched = null, device = { showsDesktop: true, plays: false }) {
  const client = new Server();
  const opened = [];
  const tones = [];
  const message = async ({ conversation_id: conversationId, message_id, content }) => ({
    id: `message-${message_id}`, tag: `linkup:${conversationId}`, title: "Bob", body: content, conversationId, open: () => {},
  });
  const on = { open: (one) => opened.push(one), watched: () => watched, message };
  new Desktop({ client, device, tone: { play: () => tones.push(1) }, on });
  return { client, opened, tones };
}

const message = (message_id, more = {}) => ({
  message_id, conversation_id: "c", sender_id: "bob", content: `said ${message_id}`, created_at: new Date().toISOString(), ...more,
});

async function pass(t, ms) {
  await turn();
  t.mock.timers.tick(ms);
  await turn();
}

test("s92: of several tabs one shows it, and closes it after five seconds", async (t) => {
  const { shown, closed } = browser(t);
  for (const { client } of [tab(), tab()]) client.tell("notification", notice(1));
  await pass(t, 400);
  assert.deepEqual(shown.map(({ title }) => title), ["Title 1"]);
  await pass(t, 4_900);
  assert.equal(closed.length, 0);
  await pass(t, 200);
  assert.equal(closed.length, 1);
});

test("s92: an urgent one stays", async (t) => {
  const { shown, closed } = browser(t);
  tab().client.tell("notification", notice(1, { priority: "urgent" }));
  await pass(t, 400);
  await pass(t, 60_000);
  assert.deepEqual([shown[0].requireInteraction, closed.length], [true, 0]);
});

test("s92: nothing appears of what a person looks at, in whichever tab", async (t) => {
  const { shown, page } = browser(t);
  const [here, elsewhere] = [tab("c"), tab("d")];
  elsewhere.client.tell("message", message(1));
  page.hasFocus = () => true; // of the tab that hears of it now
  here.client.tell("message", message(1));
  await pass(t, 0);
  page.hasFocus = () => false;
  await pass(t, 400);
  assert.deepEqual(shown, []);
  page.hasFocus = () => true;
  elsewhere.client.tell("message", message(2)); // another conversation is open
  await pass(t, 400);
  assert.deepEqual(shown.map(({ body }) => body), ["said 2"]);
});

test("s92: of a burst the last is shown, of own, old and deleted messages nothing", async (t) => {
  const { shown } = browser(t);
  const { client, tones } = tab(null, { showsDesktop: true, plays: true });
  for (let n = 1; n <= 200; n += 1) client.tell("message", message(n));
  await pass(t, 400);
  assert.deepEqual(shown.map(({ body }) => body), ["said 200"]);
  assert.equal(tones.length, 1);
  client.tell("message", message(201, { sender_id: "me" }));
  client.tell("message", message(202, { created_at: "2026-01-01T00:00:00Z" }));
  client.tell("message", message(203, { deleted_at: "2026-11-20T00:00:00Z" }));
  await pass(t, 400);
  assert.equal(shown.length, 1);
});

test("s92: a click leads to it, and who switched it off sees none", async (t) => {
  const { shown } = browser(t);
  globalThis.focus = () => {};
  t.after(() => delete globalThis.focus);
  const { client, opened } = tab();
  tab(null, { showsDesktop: false, plays: false }).client.tell("notification", notice(2));
  client.tell("notification", notice(1, { conversation_id: "c" }));
  await pass(t, 400);
  assert.equal(shown.length, 1);
  shown[0].node.onclick();
  assert.deepEqual(opened.map(({ notification_id }) => notification_id), ["n1"]);
});
