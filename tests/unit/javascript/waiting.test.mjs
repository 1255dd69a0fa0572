// Tests when the client says that what it sent waits longer than usual.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Waiting } from "../../../clients/web/sdk/waiting.js";

function begun(t) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const told = [];
  const waiting = new Waiting(() => told.push(waiting.stalled));
  waiting.connection(true);
  return { waiting, told, pass: (ms) => t.mock.timers.tick(ms) };
}

test("f_t5: it says so after four seconds, once, and takes it back with the last outcome", (t) => {
  const { waiting, told, pass } = begun(t);
  waiting.begin("a");
  pass(3_000);
  waiting.begin("b");
  assert.deepEqual(told, []);
  pass(1_000);
  assert.deepEqual(told, [true]);
  waiting.end("a");
  assert.deepEqual(told, [true, false]); // b waits for a second only
  pass(3_000);
  assert.deepEqual(told, [true, false, true]);
  waiting.end("b");
  assert.deepEqual(told, [true, false, true, false]);
});

test("f_t5: without a connection that is what is said; after it all waits anew", (t) => {
  const { waiting, told, pass } = begun(t);
  waiting.begin("a");
  waiting.connection(false);
  pass(10_000);
  assert.deepEqual(told, []);
  waiting.connection(true);
  pass(3_999);
  assert.deepEqual(told, []);
  pass(1);
  assert.deepEqual(told, [true]);
  waiting.connection(false);
  assert.deepEqual(told, [true, false]);
});
