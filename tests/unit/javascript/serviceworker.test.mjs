// Tests what the service worker shows for a push, and where a press on it leads.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import vm from "node:vm";

const FILE = new URL("../../../clients/web/service-worker.js", import.meta.url);
const HERE = "https://chat.example";
const NOTE = { title: "Bob", body: "Hello", url: "/chat/bob/", tag: "c1", notification_id: "n1", priority: "normal", badge: 3 };

/** The worker among these windows, and what it did. */
function worker({ windows = [], badge = true } = {}) {
  const done = { shown: [], opened: [], badges: [], subscribed: [] };
  const on = {};
  const self = {
    location: { href: `${HERE}/service-worker.js` },
    addEventListener: (type, listener) => (on[type] = listener),
    skipWaiting() {},
    clients: {
      claim: async () => {},
      matchAll: async () => windows,
      openWindow: async (url) => done.opened.push(url),
    },
    registration: {
      showNotification: async (title, options) => done.shown.push({ title, ...options }),
      pushManager: { subscribe: async (options) => done.subscribed.push(options) },
    },
  };
  const navigator = badge ? { setAppBadge: async (count) => done.badges.push(count) } : {};
  vm.runInNewContext(readFileSync(FILE, "utf8"), { self, navigator, URL });
  const fire = async (type, event) => {
    let ended;
    on[type]({ waitUntil: (work) => (ended = work), ...event });
    await ended;
  };
  return { done, fire };
}

const pushed = (content) => ({ data: { json: () => JSON.parse(content) } });

function clicked(url) {
  return { notification: { close() {}, data: { url } } };
}

function windowAt(path) {
  const told = [];
  return { url: HERE + path, told, focus: async () => told.push("focus"), postMessage: (message) => told.push(message) };
}

test("s97: a push becomes a notification, sticky only when it is urgent", async () => {
  const { done, fire } = worker();
  for (const priority of ["low", "normal", "high", "urgent"]) {
    await fire("push", pushed(JSON.stringify({ ...NOTE, priority })));
  }
  const [low, normal, , urgent] = done.shown;
  assert.equal(normal.title, "Bob");
  assert.equal(normal.body, "Hello");
  assert.equal(normal.tag, "c1");
  assert.equal(normal.data.url, "/chat/bob/");
  assert.deepEqual(done.shown.map((one) => one.requireInteraction), [false, false, false, true]);
  assert.deepEqual([low.silent, normal.silent, urgent.silent], [true, false, false]);
  assert.deepEqual(done.badges, [3, 3, 3, 3]);
});

test("s97: something is shown for every push, whatever is in it", async () => {
  const { done, fire } = worker({ badge: false });
  const none = JSON.stringify({ ...NOTE, title: "", body: "" });
  for (const event of [pushed(none), pushed("no json"), pushed("null"), { data: null }]) await fire("push", event);
  assert.deepEqual(done.shown.map((one) => one.title), Array(4).fill("You have a new notification"));
  assert.deepEqual(done.shown.map((one) => one.renotify), [true, false, false, false]);
});

test("s97: a press focuses the window that shows the conversation, or opens one", async () => {
  const windows = [windowAt("/"), windowAt("/chat/bob/#x"), windowAt("/chat/carol/")];
  const { done, fire } = worker({ windows });
  await fire("notificationclick", clicked("/chat/bob/"));
  assert.deepEqual(windows.map((one) => one.told.length), [0, 1, 0]);
  await fire("notificationclick", clicked("/chat/dave/"));
  await fire("notificationclick", clicked("https://app.example/inbox?with=erin"));
  assert.deepEqual(done.opened, [`${HERE}/chat/dave/`, "https://app.example/inbox?with=erin"]);
});

test("s97: a press opens nothing but pages", async () => {
  const { done, fire } = worker();
  for (const url of ["javascript:alert(1)", "data:text/html,x", "https://", "", undefined]) {
    await fire("notificationclick", clicked(url));
  }
  assert.ok(done.opened.every((url) => url.startsWith(`${HERE}/`)), done.opened.join());
});

test("s97: a subscription that the browser changed is made anew, and the windows are told", async () => {
  const windows = [windowAt("/")];
  const { done, fire } = worker({ windows });
  const options = { userVisibleOnly: true };
  await fire("pushsubscriptionchange", { oldSubscription: { options } });
  await fire("pushsubscriptionchange", { oldSubscription: null });
  assert.deepEqual(done.subscribed, [options]);
  assert.equal(windows[0].told.length, 2);
  assert.equal(windows[0].told[0].type, "push-subscription-changed");
});
