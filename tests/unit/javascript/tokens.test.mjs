// Tests whose tokens are used, and that each is replaced before it ends.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Tokens } from "../../../clients/web/sdk/tokens.js";

const NOW = Date.parse("2026-11-29T12:00:00Z");

/** As a host app signs it, but for the signature. */
function jwt(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "ES256" })}.${part(claims)}.c2ln`;
}

const lasting = (seconds, more = {}) => jwt({ sub: "alice", exp: Date.now() / 1000 + seconds, ...more });

/** Tokens of alice from this list; the last one is given again and again. */
function begun(given) {
  mock.timers.enable({ apis: ["Date", "setTimeout"], now: NOW });
  const told = [];
  const asked = [];
  const getToken = async (how) => {
    asked.push(how.renew);
    const next = asked.length < given.length ? given[asked.length - 1] : given.at(-1);
    return next();
  };
  const on = {
    renewed: (token) => told.push(["renewed", token]),
    refused: (reason) => told.push(["refused", reason]),
  };
  const tokens = new Tokens({ userId: "alice", getToken, now: () => Date.now(), on });
  return { tokens, asked, told };
}

async function pass(seconds) {
  mock.timers.tick(seconds * 1_000);
  for (let turn = 0; turn < 10; turn += 1) await null;
}

test.afterEach(() => mock.timers.reset());

test("s3: a token is replaced a minute before it ends, and the socket is told the new one", async () => {
  const { tokens, asked, told } = begun([() => lasting(600), () => lasting(600, { jti: "2" })]);
  tokens.begin();
  await tokens.get({ renew: false });
  await pass(539);
  assert.deepEqual(asked, [false]);
  await pass(2);
  assert.deepEqual(asked, [false, true]);
  assert.equal(told[0][0], "renewed");
  await pass(541);
  assert.deepEqual(asked, [false, true, true]);
});

test("s3: of a short token a quarter is left", async () => {
  const { tokens, asked } = begun([() => lasting(40)]);
  tokens.begin();
  await tokens.get({ renew: false });
  await pass(29);
  assert.deepEqual(asked, [false]);
  await pass(2);
  assert.deepEqual(asked, [false, true]);
});

test("s3: a host that is away is asked again, one that refuses is not", async () => {
  const away = () => Promise.reject(Object.assign(new Error("away"), { temporary: true }));
  const refuses = () => Promise.reject(Object.assign(new Error("You are signed out"), { temporary: false }));
  const { tokens, asked, told } = begun([() => lasting(100), away, away, refuses]);
  tokens.begin();
  await tokens.get({ renew: false });
  await pass(76);
  await pass(5);
  await pass(5);
  await pass(600);
  assert.deepEqual(asked, [false, true, true, true]);
  assert.deepEqual(told, [["refused", "You are signed out"]]);
});

test("s3: a clock that is wrong costs a question each five seconds at most", async () => {
  const { tokens, asked } = begun([() => jwt({ sub: "alice", exp: 5, jti: String(Math.random()) })]);
  tokens.begin();
  await tokens.get({ renew: false });
  for (let second = 0; second < 21; second += 1) await pass(1);
  assert.equal(asked.length, 5);
});

test("s3: who has stopped asks for nothing", async () => {
  const { tokens, asked } = begun([() => lasting(100)]);
  tokens.begin();
  await tokens.get({ renew: false });
  tokens.stop();
  await pass(600);
  assert.deepEqual(asked, [false]);
});

test("s3: the same token again is not asked for until it is refused", async () => {
  const same = jwt({ sub: "alice", exp: NOW / 1000 + 100 });
  const { tokens, asked, told } = begun([() => same]);
  tokens.begin();
  await tokens.get({ renew: false });
  await pass(1_000);
  assert.deepEqual(asked, [false, true]);
  assert.deepEqual(told, []);
});

test("f_p21: a token of another user is refused before anything is sent", async () => {
  const { tokens } = begun([() => lasting(100, { sub: "mallory" })]);
  const fault = await tokens.get({ renew: false }).catch((error) => error);
  assert.equal(fault.message, 'The token is of user "mallory", not of "alice"');
  assert.equal(fault.temporary, false);
});

for (const odd of ["", "ticket", "a.b.c", "a.bnVsbA.c", "a.NQ.c", jwt({ sub: 5 }), jwt({})]) {
  test(`f_p21: of ${JSON.stringify(odd.slice(0, 30))} the server says whose it is`, async () => {
    const { tokens } = begun([() => odd]);
    tokens.begin();
    assert.equal(await tokens.get({ renew: false }), odd);
  });
}
