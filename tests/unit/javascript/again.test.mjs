// Tests how the page asks again for what fails for the moment, and together for what is many.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Again } from "../../../clients/web/page/again.js";
import { answered, Together } from "../../../clients/web/page/together.js";
import { LinkupError } from "../../../clients/web/sdk/http.js";

const fault = (temporary, retryAfterMs = 0) => new LinkupError({ code: "x", message: "no", temporary, retryAfterMs });

function connection() {
  const client = Object.assign(new EventTarget(), { state: "reconnecting" });
  const become = (state) => {
    client.state = state;
    client.dispatchEvent(new Event("state"));
  };
  return { client, become, again: new Again({ client }) };
}

/** An answer after so many failures. */
function failing(times, error = fault(true)) {
  const asked = [];
  const ask = async () => {
    asked.push(Date.now());
    if (asked.length <= times) throw error;
    return "answer";
  };
  return { ask, asked };
}

test("f_p10: what fails for the moment is asked again, each failure is told", async () => {
  const { again } = connection();
  const { ask, asked } = failing(2);
  const told = [];
  assert.equal(await again.until(ask, { onFailed: (error) => told.push(error.message) }), "answer");
  assert.equal(asked.length, 3);
  assert.deepEqual(told, ["no", "no"]);
});

test("f_p10: a refusal for good is none to ask again about", async () => {
  const { again } = connection();
  const { ask, asked } = failing(2, fault(false));
  await assert.rejects(again.until(ask), { code: "x" });
  assert.equal(asked.length, 1);
});

test("f_p10: with the connection it is asked at once, but not before the server said", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const { again, become } = connection();
  const soon = failing(1);
  const later = failing(1, fault(true, 5_000));
  const answers = [again.until(soon.ask), again.until(later.ask)];
  await Promise.resolve().then(() => {});
  await new Promise(setImmediate);
  become("connected");
  t.mock.timers.tick(1);
  assert.equal(await answers[0], "answer");
  assert.equal(later.asked.length, 1);
  t.mock.timers.tick(4_998);
  await new Promise(setImmediate);
  assert.equal(later.asked.length, 1);
  t.mock.timers.tick(2);
  assert.equal(await answers[1], "answer");
});

test("f_p10: what nobody wants any more is not asked again", async () => {
  const { again } = connection();
  const left = new AbortController();
  const { ask, asked } = failing(9);
  const ended = assert.rejects(again.until(ask, { signal: left.signal }), { code: "x" });
  await new Promise(setImmediate);
  left.abort();
  await ended;
  assert.equal(asked.length, 1);
});

test("f_p4: many are asked for together, so many a request, one request after the other", async () => {
  const { again } = connection();
  const rounds = [];
  let under_way = 0;
  const ask = async (ids) => {
    assert.equal(++under_way, 1);
    rounds.push(ids.length);
    await new Promise(setImmediate);
    under_way -= 1;
    return answered(ids, new Map(ids.filter((id) => id % 2).map((id) => [id, `got ${id}`])));
  };
  const together = new Together({ ask, again, most: 100 });
  const ids = Array.from({ length: 260 }, (_, id) => id);
  const answers = await Promise.all([...ids, ...ids].map((id) => together.want(id)));
  assert.deepEqual(answers.slice(0, 4), [null, "got 1", null, "got 3"]);
  assert.deepEqual(rounds, [100, 100, 60]);
});

test("f_p4: what an answer leaves out is asked for again; a temporary error ends nothing", async () => {
  const { again } = connection();
  const asked = [];
  const ask = async (ids) => {
    asked.push(ids);
    if (asked.length === 1) throw fault(true);
    return new Map([[ids[0], "got"]]); // as much as one answer carries
  };
  const together = new Together({ ask, again });
  assert.deepEqual(await Promise.all([1, 2, 3].map((id) => together.want(id))), ["got", "got", "got"]);
  assert.deepEqual(asked, [[1, 2, 3], [1, 2, 3], [2, 3], [3]]);
});

test("f_p4: asked for while an older answer is on its way, it is asked again", async () => {
  const { again } = connection();
  let version = 0;
  const gates = [];
  const ask = async (ids) => {
    const now = ++version;
    await new Promise((go) => gates.push(go));
    return answered(ids, new Map([[1, now]]));
  };
  const together = new Together({ ask, again });
  const first = together.want(1);
  while (!gates.length) await new Promise(setImmediate);
  const second = together.want(1);
  gates[0]();
  assert.equal(await first, 1);
  while (gates.length < 2) await new Promise(setImmediate);
  gates[1]();
  assert.equal(await second, 2);
});
