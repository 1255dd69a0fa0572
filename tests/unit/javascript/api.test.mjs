// Tests what the client makes of an answer that is none of the server's own.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Api } from "../../../clients/web/sdk/api.js";

const api = new Api({ url: "http://chat.test", getToken: async () => "token" });

/** What a call rejects with, when that is answered. */
async function fault(t, status, headers = {}, body = "") {
  t.mock.method(globalThis, "fetch", async () => new Response(body, { status, headers }));
  return api.unread().then(() => assert.fail(), (error) => error);
}

for (const status of [408, 425, 429, 500, 502, 503, 504]) {
  test(`f_p4: ${status} of a proxy may pass`, async (t) => {
    assert.equal((await fault(t, status)).temporary, true);
  });
}

test("f_p4: what else a proxy refuses is refused for good", async (t) => {
  for (const status of [400, 403, 404, 413]) assert.equal((await fault(t, status)).temporary, false);
});

test("f_p4: Retry-After is seconds or a date, and waits a minute at most", async (t) => {
  const wait = async (text) => (await fault(t, 429, { "Retry-After": text })).retryAfterMs;
  assert.equal(await wait("7"), 7_000);
  assert.equal(await wait("86400"), 60_000);
  t.mock.timers.enable({ apis: ["Date"], now: 1_700_000_000_000 });
  assert.equal(await wait(new Date(1_700_000_010_000).toUTCString()), 10_000);
  assert.equal(await wait("Thu, 01 Jan 1970 00:00:00 GMT"), 0);
  assert.equal(await wait("soon"), 0);
});

test("d16: logging out revokes the token in use, and never asks for another", async (t) => {
  for (const [status, ends] of [[204, true], [401, true], [503, false]]) {
    const asked = [];
    const leaving = new Api({ url: "http://chat.test", getToken: async ({ renew }) => `token ${renew}` });
    t.mock.method(globalThis, "fetch", async (url, { method, headers }) => {
      asked.push([method, url, headers.Authorization]);
      return new Response(null, { status });
    });
    assert.equal(await leaving.logout().then(() => true, () => false), ends);
    assert.deepEqual(asked, [["POST", "http://chat.test/v1/logout", "Bearer token false"]]);
  }
});

test("f_p4: the server's own word is finer", async (t) => {
  const told = { code: "rate_limited", detail: "wait", temporary: true, retry_after_ms: 250 };
  const error = await fault(t, 429, { "Retry-After": "1" }, JSON.stringify(told));
  assert.deepEqual([error.code, error.retryAfterMs, error.temporary], ["rate_limited", 250, true]);
});

test("f_p10: an answer that breaks off may pass", async (t) => {
  assert.equal((await fault(t, 200, {}, "{")).temporary, true);
});

test("presence, deletions and tickets are asked for as the protocol says", async (t) => {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (url, { method, body }) => {
    asked.push([method, url.replace("http://chat.test", ""), body && JSON.parse(body)]);
    return new Response("{}");
  });
  await api.status("a/b");
  await api.deleteMessages([1, 2], "me");
  await api.ticket();
  assert.deepEqual(asked, [
    ["GET", "/v1/users/a%2Fb/status", undefined],
    ["POST", "/v1/messages/delete", { message_ids: [1, 2], mode: "me" }],
    ["POST", "/v1/tickets", undefined],
  ]);
});

test("s40, s41: notifications and preferences are asked for as the protocol says", async (t) => {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (url, { method, body }) => {
    asked.push([method, url.replace("http://chat.test", ""), body && JSON.parse(body)]);
    return new Response("{}");
  });
  await api.notifications({ limit: 5, before: "9-n0", unread_only: true, notification_type: "mention" });
  await api.notifications();
  await api.readNotification("n1");
  await api.readNotifications({ notification_type: "mention", up_to: "n1" });
  await api.readNotifications();
  await api.notificationPreferences();
  await api.putNotificationPreferences({ digest: "daily", quiet_hours: null });
  assert.deepEqual(asked, [
    ["GET", "/v1/notifications?limit=5&before=9-n0&unread_only=true&notification_type=mention", undefined],
    ["GET", "/v1/notifications", undefined],
    ["POST", "/v1/notifications/n1/read", undefined],
    ["POST", "/v1/notifications/read-all", { notification_type: "mention", up_to: "n1" }],
    ["POST", "/v1/notifications/read-all", {}],
    ["GET", "/v1/notification-preferences", undefined],
    ["PUT", "/v1/notification-preferences", { digest: "daily", quiet_hours: null }],
  ]);
});
