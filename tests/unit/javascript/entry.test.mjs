// Tests the ways into the page: the host app's URL, and the page of the host app around this one.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { askParent } from "../../../clients/web/page/entry/handover.js";
import { HostApp } from "../../../clients/web/page/entry/hostapp.js";
import { isToken } from "../../../clients/web/page/entry/token.js";
import { askUrl } from "../../../clients/web/page/entry/tokenurl.js";

const URL_OF_APP = "https://app.example.com/linkup/token";
const HOST = "https://app.example.com";

function jwt(claims) {
  const part = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "ES256" })}.${part(claims)}.c2ln`;
}

/** What the page makes of such an answer; `asked` are the questions. */
async function answered(t, response) {
  const asked = [];
  t.mock.method(globalThis, "fetch", async (...question) => {
    asked.push(question);
    return response();
  });
  const outcome = await askUrl(URL_OF_APP).catch((error) => error);
  return { outcome, asked };
}

test("s3: the app is asked with its own cookies, and its token is taken", async (t) => {
  const { outcome, asked } = await answered(t, () => Response.json({ token: "a.b.c" }));
  assert.deepEqual(outcome, { token: "a.b.c" });
  const [[url, how]] = asked;
  assert.equal(url, URL_OF_APP);
  assert.deepEqual([how.method, how.credentials, how.body], ["POST", "include", undefined]);
});

for (const status of [401, 403]) {
  test(`s3: ${status} says that nobody is signed in`, async (t) => {
    const { outcome } = await answered(t, () => new Response("", { status }));
    assert.deepEqual(outcome, { signInUrl: "https://app.example.com/" });
  });
}

test("s3: so does a redirect to a page for signing in", async (t) => {
  const { outcome } = await answered(t, () => Object.create(Response.error(), { type: { value: "opaqueredirect" }, json: { value: async () => null } }));
  assert.deepEqual(outcome, { signInUrl: "https://app.example.com/" });
});

test("s3: the app names its page for signing in, and nothing but a web page is a link", async (t) => {
  const named = { "/login?next=chat": "https://app.example.com/login?next=chat", "https://id.example.com/": "https://id.example.com/" };
  for (const [sign_in_url, expected] of Object.entries(named)) {
    const { outcome } = await answered(t, () => Response.json({ sign_in_url }, { status: 401 }));
    assert.deepEqual(outcome, { signInUrl: expected });
  }
  for (const sign_in_url of ["javascript:alert(1)", "data:text/html,x", "https://", 5, null]) {
    const { outcome } = await answered(t, () => Response.json({ sign_in_url }, { status: 401 }));
    assert.deepEqual(outcome, { signInUrl: "https://app.example.com/" });
  }
});

test("s3: any other answer is no answer, and is asked for again", async (t) => {
  const odd = [
    () => new Response("", { status: 500 }),
    () => new Response("", { status: 404 }),
    () => new Response("<html>"),
    () => Response.json({}),
    () => Response.json({ token: 5 }),
    () => Response.json(null),
    () => { throw new TypeError("fetch failed"); },
  ];
  for (const response of odd) {
    const { outcome } = await answered(t, response);
    assert.equal(outcome.temporary, true, String(response));
  }
});

test("s3: a token is a text without spaces, and of some length", () => {
  for (const token of ["a.b.c", "x".repeat(8_192)]) assert.ok(isToken(token));
  for (const other of ["", " ", "a b", "a\n", "é", "x".repeat(8_193), 5, null, undefined, {}, ["a"]]) assert.ok(!isToken(other));
});

/** A page in a frame. @param {string|undefined} around as the browser tells it */
function framed(around) {
  const listening = new Set();
  const sent = [];
  const parent = { postMessage: (data, origin) => sent.push({ data, origin }) };
  const view = {
    parent,
    location: { ancestorOrigins: around === undefined ? undefined : [around] },
    addEventListener: (_, hear) => listening.add(hear),
    removeEventListener: (_, hear) => listening.delete(hear),
  };
  const hear = (event) => [...listening].forEach((one) => one({ source: parent, origin: HOST, ...event }));
  return { view, sent, hear, listening };
}

test("s3: the page around is asked, and only its token is taken", async () => {
  const { view, sent, hear, listening } = framed(undefined);
  const asked = askParent([HOST, "https://other.example"], view);
  assert.deepEqual(sent.map(({ origin }) => origin), [HOST, "https://other.example"]);
  const { nonce } = sent[0].data;
  assert.match(nonce, /^[0-9a-f]{32}$/u);
  hear({ data: { type: "linkup:token", nonce, token: "a.b.c", user_id: "mallory", url: "x" } });
  assert.deepEqual(await asked, { token: "a.b.c" });
  assert.equal(listening.size, 0);
});

test("s3: where the browser says who is around, nobody else is asked", () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { view, sent } = framed(HOST);
  askParent([HOST, "https://other.example"], view).catch(() => {});
  assert.deepEqual(sent.map(({ origin }) => origin), [HOST]);
  mock.timers.reset();
});

test("s3: an answer without a token says that nobody is signed in", async () => {
  const { view, sent, hear } = framed(HOST);
  const asked = askParent([HOST], view);
  hear({ data: { type: "linkup:token", nonce: sent[0].data.nonce } });
  assert.deepEqual(await asked, { signInUrl: HOST });
});

const STRANGERS = [
  "https://evil.example",
  "http://app.example.com",
  "https://app.example.com:8443",
  "https://app.example.com.evil.example",
  "https://evil-app.example.com",
  "https://sub.app.example.com",
  "https://example.com",
  "https://APP.example.com",
  "https://app.example.com/",
  "null",
  "",
  "*",
];

for (const origin of STRANGERS) {
  test(`s3: what ${JSON.stringify(origin)} says is not heard`, async () => {
    mock.timers.enable({ apis: ["setTimeout"] });
    const { view, sent, hear } = framed(undefined);
    const asked = askParent([HOST], view).catch((error) => error);
    hear({ origin, data: { type: "linkup:token", nonce: sent[0].data.nonce, token: "forged" } });
    mock.timers.tick(5_000);
    assert.equal((await asked).temporary, true);
    mock.timers.reset();
  });
}

test("s3: nor what another window, another question or another message says", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const { view, sent, hear } = framed(HOST);
  const asked = askParent([HOST], view).catch((error) => error);
  const { nonce } = sent[0].data;
  const right = { type: "linkup:token", nonce, token: "forged" };
  hear({ source: {}, data: right });
  hear({ source: null, data: right });
  for (const wrong of [{ nonce: "0".repeat(32) }, { nonce: undefined }, { type: "token" }]) {
    hear({ data: { ...right, ...wrong } });
  }
  for (const data of [null, undefined, "forged", 5, []]) hear({ data });
  mock.timers.tick(5_000);
  assert.equal((await asked).temporary, true);
  mock.timers.reset();
});

const alice = (more) => jwt({ sub: "alice", name: "Alice", ...more });

test("s3: the app says who it is, once for all who ask", async () => {
  let asked = 0;
  const app = new HostApp([async () => ({ token: alice({ jti: String(++asked) }) })]);
  const session = await app.session();
  assert.deepEqual([session.user_id, session.name], ["alice", "Alice"]);
  await Promise.all([app.getToken({ renew: true }), app.getToken({ renew: true })]);
  assert.equal(asked, 2);
  assert.equal(await app.getToken({ renew: false }), await app.getToken({ renew: false }));
  assert.equal(asked, 2);
});

test("s3: the URL is asked where the page around does not answer", async () => {
  const silent = () => Promise.reject(new Error("silent"));
  const app = new HostApp([silent, async () => ({ token: alice() })]);
  assert.equal((await app.session()).user_id, "alice");
});

test("s3: it is told when nobody is signed in any more, or somebody else", async () => {
  for (const next of [{ signInUrl: "https://app.example.com/" }, { token: jwt({ sub: "bob" }) }]) {
    const answers = [{ token: alice() }, next];
    const app = new HostApp([async () => answers.shift()]);
    let ended = 0;
    app.onEnded = () => (ended += 1);
    await app.session();
    await app.getToken({ renew: true }).catch(({ status }) => assert.equal(status, 401));
    assert.equal(ended, 1);
    assert.equal(app.hasChanged, "token" in next);
  }
});

test("s3: while the app is away the token stays", async () => {
  const answers = [() => ({ token: alice() }), () => { throw Object.assign(new Error("away"), { temporary: true }); }];
  const app = new HostApp([async () => answers.shift()()]);
  await app.session();
  await assert.rejects(app.getToken({ renew: true }), /away/u);
  assert.equal(await app.getToken({ renew: false }), alice());
});
