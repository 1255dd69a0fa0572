// Tests that the server's time is known, whatever the device's clock says.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Clock } from "../../../clients/web/sdk/clock.js";

const HOUR = 3_600_000;
const SERVER = Date.parse("2026-11-21T23:30:00Z");

function at(device) {
  mock.timers.reset();
  mock.timers.enable({ apis: ["Date"], now: device });
}

test("p14: a clock that is right stays as it is", () => {
  const clock = new Clock();
  at(SERVER + 900);
  clock.observe("Sat, 21 Nov 2026 23:30:00 GMT", SERVER + 850, 2_000);
  assert.equal(clock.now(), SERVER + 900);
  clock.observe("2026-11-21T23:30:00.870000Z", SERVER + 850);
  assert.equal(clock.now(), SERVER + 900);
  mock.timers.reset();
});

test("p14: a clock that is wrong is corrected, ahead and behind, and when it is set", () => {
  const clock = new Clock();
  for (const wrong of [25 * HOUR, -25 * HOUR, 90_000, -90_000, 0]) {
    at(SERVER + wrong + 40);
    clock.observe("2026-11-21T23:30:00.020000Z", SERVER + wrong);
    assert.ok(Math.abs(clock.now() - (SERVER + 40)) <= 40, `${wrong}: ${clock.now() - SERVER}`);
    at(SERVER + wrong + HOUR);
    assert.ok(Math.abs(clock.now() - (SERVER + HOUR)) <= 40);
  }
  mock.timers.reset();
});

test("p14: what tells no time changes nothing", () => {
  const clock = new Clock();
  at(SERVER);
  clock.observe(null, SERVER);
  clock.observe("soon", SERVER);
  clock.observe("2026-11-20T00:00:00Z", undefined);
  clock.observe("2026-11-20T00:00:00Z", SERVER + HOUR); // set back since it was asked
  assert.equal(clock.now(), SERVER);
  mock.timers.reset();
});
