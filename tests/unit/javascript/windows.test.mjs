// Tests until when a message may be changed, and that what says so ends with it.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { closeAfter, timeLeft } from "../../../clients/web/page/windows.js";

const SENT = { created_at: "2026-11-21T09:30:00.000000Z" };
const at = (seconds) => Date.parse(SENT.created_at) + seconds * 1_000;

test("s66: a window is open to its last moment and not after, one of 0 for ever", () => {
  assert.equal(timeLeft(SENT, 60, at(59)), 1_000);
  assert.equal(timeLeft(SENT, 60, at(60)), 0);
  assert.equal(timeLeft(SENT, 60, at(61)), -1_000);
  assert.equal(timeLeft(SENT, 0, at(1e9)), Infinity);
});

test("a choice closes in its time; a month is longer than a timer can be", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const [soon, late, never] = [{}, {}, {}];
  globalThis.document = { activeElement: null };
  closeAfter(soon, 5_000);
  closeAfter(late, 40 * 86_400_000);
  closeAfter(never, Infinity);
  mock.timers.tick(4_999);
  assert.equal(soon.disabled, undefined);
  mock.timers.tick(1);
  assert.equal(soon.disabled, true);
  mock.timers.tick(2 ** 31);
  assert.deepEqual([late, never], [{}, {}]);
  mock.timers.reset();
});
