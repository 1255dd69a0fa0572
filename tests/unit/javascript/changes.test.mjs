// Tests that each change has one outcome, whatever happens to the connection meanwhile.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Changes } from "../../../clients/web/sdk/changes.js";
import { Typing, Typists } from "../../../clients/web/sdk/typing.js";

function connected() {
  const wire = { sent: [], open: true };
  const changes = new Changes((frame) => wire.open && Boolean(wire.sent.push(frame)));
  return { wire, changes };
}

const edit = (message_id, content) => ({ type: "edit_message", message_id, content });

test("c2: without an answer the same frame is sent again, and then the next of that message", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { wire, changes } = connected();
  const first = changes.make(edit(1, "a"));
  const second = changes.make(edit(1, "b"));
  const other = changes.make(edit(2, "c"));
  assert.deepEqual(wire.sent.map(({ content }) => content), ["a", "c"]);
  mock.timers.tick(5_000);
  assert.deepEqual(wire.sent.map(({ content }) => content), ["a", "c", "a", "c"]);
  assert.equal(wire.sent[0].client_id, wire.sent[2].client_id);
  for (const frame of wire.sent.slice(0, 2)) changes.acked(frame);
  await Promise.all([first, other]);
  assert.equal(wire.sent.at(-1).content, "b");
  changes.acked(wire.sent.at(-1));
  await second;
  mock.timers.tick(60_000);
  assert.equal(wire.sent.length, 5);
  mock.timers.reset();
});

test("c2: a change waits for the connection and goes out with it", async () => {
  const { wire, changes } = connected();
  wire.open = false;
  const outcome = changes.make(edit(1, "a"));
  assert.equal(wire.sent.length, 0);
  wire.open = true;
  changes.resume();
  changes.acked(wire.sent[0]);
  await outcome;
});

test("a temporary error is tried again, another one ends it", async () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { wire, changes } = connected();
  const outcome = changes.make(edit(1, "a"));
  const { client_id } = wire.sent[0];
  const fault = { client_id, code: "unavailable", message: "later", temporary: true };
  assert.equal(changes.refused({ ...fault, retry_after_ms: 9_000 }), true);
  mock.timers.tick(8_999);
  assert.equal(wire.sent.length, 1);
  mock.timers.tick(1_001);
  assert.equal(wire.sent.length, 2);
  assert.equal(changes.refused({ ...fault, client_id: "another" }), false);
  changes.refused({ ...fault, code: "edit_window_closed", temporary: false });
  await assert.rejects(outcome, { code: "edit_window_closed" });
  mock.timers.reset();
});

test("s64: typing is told once after a moment, again while it goes on, and ended by silence", () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"], now: 1_000_000 });
  const told = [];
  const typing = new Typing(({ is_typing }) => told.push(is_typing));
  typing.changed("c");
  assert.deepEqual(told, []);
  mock.timers.tick(100);
  assert.deepEqual(told, [true]);
  for (let second = 0; second < 4; second += 1) {
    mock.timers.tick(500);
    typing.changed("c");
  }
  assert.deepEqual(told, [true, true]);
  mock.timers.tick(999);
  assert.deepEqual(told, [true, true]);
  mock.timers.tick(1);
  assert.deepEqual(told, [true, true, false]);
  typing.changed("c");
  typing.stop(); // sent within the moment: nobody need hear of it
  mock.timers.tick(1_000);
  assert.deepEqual(told, [true, true, false]);
  typing.changed("c");
  mock.timers.tick(100);
  typing.stop();
  assert.deepEqual(told, [true, true, false, true, false]);
  typing.changed("c"); // too soon for the server: it is told when it may be
  mock.timers.tick(900);
  typing.changed("c");
  assert.equal(told.length, 5);
  mock.timers.tick(200);
  assert.deepEqual(told.slice(5), [true]);
  mock.timers.reset();
});

test("s64: who falls silent or has spoken types no more", () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const ended = [];
  const typists = new Typists(({ user_id, is_typing }) => ended.push([user_id, is_typing]));
  const frame = (user_id, is_typing) => ({ type: "typing", conversation_id: "c", user_id, is_typing });
  for (const user of ["ann", "bob", "cat"]) typists.take(frame(user, true));
  typists.take(frame("ann", false));
  typists.spoke({ conversation_id: "c", sender_id: "bob" });
  assert.deepEqual(ended, [["bob", false]]);
  mock.timers.tick(5_000);
  assert.deepEqual(ended, [["bob", false], ["cat", false]]);
  mock.timers.reset();
});
