// Tests that the road over HTTP keeps order, and tells of each message how it ended.

import assert from "node:assert/strict";
import { test } from "node:test";

import { LinkupError } from "../../../clients/web/sdk/http.js";
import { Polling } from "../../../clients/web/sdk/polling.js";

globalThis.addEventListener ??= () => {};
globalThis.removeEventListener ??= () => {};
globalThis.document ??= { visibilityState: "visible", addEventListener() {}, removeEventListener() {} };

const settled = () => new Promise((done) => setImmediate(done));
const EMPTY = { epoch: "e", cursor: 7, frames: [], has_more: false };

/** `pages`: what the polls are answered, the last one again and again; an Error rejects. */
function road(t, ...pages) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const seen = { asked: [], frames: [], changes: 0, refused: [], sent: [], marks: [] };
  const api = {
    sync: async (asked) => {
      seen.asked.push(asked);
      const page = pages.length > 1 ? pages.shift() : (pages[0] ?? EMPTY);
      if (page instanceof Error) throw page;
      return page;
    },
    send: (frame) => new Promise((resolve, reject) => seen.sent.push({ frame, resolve, reject })),
    notifications: async () => ({ unread_count: 3 }),
    markRead: async (...mark) => seen.marks.push(["read", ...mark]),
    markDelivered: async (...mark) => seen.marks.push(["delivered", ...mark]),
  };
  const polling = new Polling({
    api,
    position: () => ({ epoch: "e", cursor: 7 }),
    onFrame: (frame) => seen.frames.push(frame),
    onChange: () => (seen.changes += 1),
    onRefused: (reason) => (seen.refused.push(reason), polling.stop()),
  });
  polling.start();
  const told = () => seen.frames.filter(({ type }) => type !== "badge_update");
  const sent = () => seen.sent.map(({ frame }) => frame.client_id);
  return { polling, seen, sent, told, types: () => told().map(({ type }) => type) };
}

const message = (client_id, to = "bob") => ({ type: "message", client_id, to, content: client_id });

test("s62: the first answer opens it; a page that is not the last is followed at once", async (t) => {
  const event = { type: "message", cursor: 8 };
  const more = { ...EMPTY, cursor: 8, frames: [event], has_more: true };
  const { polling, seen, types } = road(t, more, EMPTY);
  assert.equal(polling.send(message("early")), false);
  await settled();
  assert.deepEqual(types(), ["welcome", "message", "sync_completed"]);
  assert.deepEqual([polling.isOpen, seen.changes], [true, 1]);
  t.mock.timers.tick(0);
  await settled();
  assert.deepEqual(seen.asked, Array(2).fill({ epoch: "e", cursor: 7, limit: 100 }));
  t.mock.timers.tick(3_000);
  await settled();
  assert.equal(seen.asked.length, 3);
  polling.stop();
});

test("c4: to one conversation one message at a time, to others beside it", async (t) => {
  const { polling, seen, sent } = road(t);
  await settled();
  for (const frame of [message("1"), message("2"), message("x", "cleo"), message("2")]) {
    assert.equal(polling.send(frame), true);
  }
  assert.deepEqual(sent(), ["1", "x"]);
  seen.sent[0].resolve({ client_id: "1", seq: 1 });
  await settled();
  assert.deepEqual(sent(), ["1", "x", "2"]);
  assert.deepEqual(seen.frames.at(-1), { type: "ack", client_id: "1", seq: 1 });
  polling.stop();
});

test("c4: after a temporary error nothing overtakes: all comes again from its head", async (t) => {
  const { polling, seen, sent } = road(t);
  await settled();
  for (const id of ["1", "2", "3"]) polling.send(message(id));
  seen.sent[0].reject(new LinkupError({ code: "overloaded", message: "", temporary: true, retryAfterMs: 5 }));
  await settled();
  const { code, temporary, retry_after_ms } = seen.frames.at(-1);
  assert.deepEqual([code, temporary, retry_after_ms], ["overloaded", true, 5]);
  assert.deepEqual(sent(), ["1"]);
  polling.send(message("1"));
  assert.deepEqual(sent(), ["1", "1"]);
  polling.stop();
});

test("c2: only the server itself refuses a message for good", async (t) => {
  const { polling, seen } = road(t);
  await settled();
  const refuse = async (fault) => {
    polling.send(message("1"));
    seen.sent.at(-1).reject(new LinkupError({ message: "", temporary: false, ...fault }));
    await settled();
    return seen.frames.at(-1).temporary;
  };
  assert.equal(await refuse({ code: "not_found", status: 404 }), false);
  assert.equal(await refuse({ code: "internal", status: 403 }), true); // a proxy
  polling.stop();
});

test("s62: what the other road has to send again is not told of here any more", async (t) => {
  const { polling, seen, types } = road(t);
  await settled();
  polling.send(message("1"));
  polling.stop();
  seen.sent[0].resolve({ seq: 1 });
  await settled();
  assert.equal(types().includes("ack"), false);
  assert.equal(polling.isOpen, false);
});

test("s62: typing and presence have no route, marks have one", async (t) => {
  const { polling, seen } = road(t);
  await settled();
  assert.equal(polling.send({ type: "typing", conversation_id: "c", is_typing: true }), false);
  assert.equal(polling.send({ type: "presence_subscribe", user_ids: ["bob"] }), false);
  assert.equal(polling.send({ type: "mark_chat_read", conversation_id: "c", up_to: 3, client_id: "r" }), true);
  await settled();
  assert.equal(polling.send({ type: "delivered", conversation_id: "c", seq: 4, client_id: "d" }), true);
  await settled();
  assert.deepEqual(seen.frames.slice(-2), ["r", "d"].map((client_id) => ({ type: "ack", client_id })));
  assert.deepEqual(seen.marks, [["read", "c", 3], ["delivered", "c", 4]]);
  polling.stop();
});

test("s62: the number of unread notifications is asked for at once, and every few polls", async (t) => {
  const { polling, seen } = road(t);
  const badges = () => seen.frames.filter(({ type }) => type === "badge_update");
  await settled();
  assert.deepEqual(badges(), [{ type: "badge_update", unread_count: 3 }]);
  for (let poll = 0; poll < 6; poll += 1) {
    t.mock.timers.tick(3_000);
    await settled();
  }
  assert.equal(badges().length, 2);
  polling.stop();
});

test("s62: without an answer it is closed until the next one", async (t) => {
  const gone = new LinkupError({ code: "unavailable", message: "", temporary: true });
  const { polling, seen } = road(t, EMPTY, gone, EMPTY);
  await settled();
  t.mock.timers.tick(3_000);
  await settled();
  assert.deepEqual([polling.isOpen, seen.changes], [false, 2]);
  t.mock.timers.tick(2_000);
  await settled();
  assert.deepEqual([polling.isOpen, seen.changes], [true, 3]);
  polling.stop();
});

test("s62: a poll that was one too many is asked again when the server says, and nothing closes", async (t) => {
  const busy = new LinkupError({ code: "rate_limited", message: "", temporary: true, retryAfterMs: 9_000 });
  const { polling, seen } = road(t, EMPTY, busy, EMPTY);
  await settled();
  t.mock.timers.tick(3_000);
  await settled();
  t.mock.timers.tick(8_000);
  await settled();
  assert.deepEqual([polling.isOpen, seen.asked.length], [true, 2]);
  t.mock.timers.tick(1_000);
  await settled();
  assert.equal(seen.asked.length, 3);
  polling.stop();
});

test("c6: a position that is too old is told as a socket would tell it", async (t) => {
  const old = new LinkupError({ code: "resync_required", message: "too old", temporary: false });
  const { polling, told, types } = road(t, old, { ...EMPTY, epoch: "f", cursor: 9 });
  await settled();
  assert.deepEqual(types(), ["welcome", "resync_required", "sync_completed"]);
  assert.deepEqual(told()[1], { type: "resync_required", reason: "too old", epoch: "f", cursor: 9 });
  polling.stop();
});

test("s3: a refused token ends it", async (t) => {
  const refused = new LinkupError({ code: "unauthorized", message: "no", temporary: false, status: 401 });
  const { seen } = road(t, refused);
  await settled();
  assert.deepEqual(seen.refused, ["no"]);
  t.mock.timers.tick(60_000);
  await settled();
  assert.equal(seen.asked.length, 1);
});
