// Tests that the client takes HTTP when it gets no socket, and tells everything once when it gets one.

import assert from "node:assert/strict";
import { test } from "node:test";

class Silent {
  postMessage() {}
}
class FakeSocket {
  static made = [];
  sent = [];
  constructor() {
    FakeSocket.made.push(this);
  }
  send(text) {
    this.sent.push(JSON.parse(text));
  }
  close() {}
  say(type, fields) {
    this.onmessage({ data: JSON.stringify({ type, ...fields }) });
  }
}
const deaf = { addEventListener() {}, removeEventListener() {} };
Object.assign(globalThis, {
  ...deaf,
  document: { ...deaf, visibilityState: "visible" },
  sessionStorage: { getItem: () => null, setItem() {}, removeItem() {} },
  BroadcastChannel: Silent,
  IDBKeyRange: { bound: () => null }, // there is no database
  WebSocket: FakeSocket,
});
Object.defineProperty(globalThis, "navigator", { value: { onLine: true }, configurable: true });
const { LinkupClient } = await import("../../../clients/web/linkup-client.js");

const settled = async () => {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((done) => setImmediate(done));
};
const said = (cursor) => ({ type: "message", cursor, sender_id: "bob", client_id: `b${cursor}`, conversation_id: "d" });
const WELCOME = { user_id: "ann", connection_id: "c", epoch: "e", cursor: 7, heartbeat_ms: 10_000, recovered: true, limits: {} };

/** A client at cursor 7. `page()` is what HTTP answers; `pass` lets time go by. */
async function client(t, page) {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  FakeSocket.made = [];
  t.mock.method(globalThis, "fetch", async () => new Response(JSON.stringify(page())));
  const ann = new LinkupClient({ url: "http://chat.test", userId: "ann", getToken: async () => "token" });
  t.after(() => ann.stop());
  const told = [];
  const roads = [];
  ann.addEventListener("message", ({ detail }) => told.push(detail.cursor));
  ann.addEventListener("state", () => roads.at(-1) !== ann.road && roads.push(ann.road));
  ann.start({ epoch: "e", cursor: 7 });
  await settled();
  const pass = async (ms) => {
    t.mock.timers.tick(ms);
    await settled();
  };
  return { ann, told, roads, pass };
}

test("s62, c5: what both roads bring is told once, in order", async (t) => {
  const frames = [];
  const { ann, told, roads, pass } = await client(t, () => ({ epoch: "e", cursor: 7 + frames.length, frames, has_more: false }));
  FakeSocket.made[0].onclose({ code: 1006 });
  await pass(2_000); // the second one hangs; where the feed goes on is said before anything is polled
  const [, second] = FakeSocket.made;
  second.onopen();
  assert.deepEqual([second.sent[0].type, second.sent[0].cursor], ["hello", 7]);
  frames.push(said(8));
  await pass(3_000);
  assert.deepEqual([ann.state, ann.road, told], ["connected", "http", [8]]);
  second.say("welcome", WELCOME);
  second.say("sync_completed", { cursor: 7 }); // read before the poll was answered
  for (const cursor of [8, 9]) second.say("message", said(cursor));
  await pass(6_000);
  assert.deepEqual([ann.road, told], ["socket", [8, 9]]);
  assert.deepEqual(roads, [null, "http", "socket"]);
  ann.stop();
  assert.equal(ann.road, null);
});

test("s62, s107: where a browser has no WebSocket, HTTP has to do until it has one", async (t) => {
  const { ann, roads, pass } = await client(t, () => ({ epoch: "e", cursor: 7, frames: [], has_more: false }));
  globalThis.WebSocket = undefined;
  t.after(() => (globalThis.WebSocket = FakeSocket));
  FakeSocket.made[0].onclose({ code: 1006 });
  await pass(3_000);
  assert.equal(ann.road, "http");
  globalThis.WebSocket = FakeSocket;
  for (let second = 0; second < 15 && FakeSocket.made.length === 1; second += 1) await pass(1_000);
  FakeSocket.made.at(-1).onopen();
  FakeSocket.made.at(-1).say("welcome", WELCOME);
  assert.deepEqual(roads, [null, "http", "socket"]);
});

test("s62: a socket that is soon back needs no other road", async (t) => {
  const { ann, roads, pass } = await client(t, () => assert.fail());
  FakeSocket.made[0].onopen();
  FakeSocket.made[0].say("welcome", WELCOME);
  await pass(5_000);
  FakeSocket.made[0].onclose({ code: 1006 });
  await pass(2_000);
  FakeSocket.made[1].onopen();
  FakeSocket.made[1].say("welcome", WELCOME);
  await pass(8_000);
  assert.deepEqual(roads, [null, "socket", null, "socket"]);
  ann.stop();
});

const REFUSAL = { code: "unauthorized", temporary: false };
const NO_ACCESS = "You no longer have access";
const REFUSALS = {
  async socket(pass) {
    for (let tries = 0; tries < 3; tries += 1) {
      const socket = FakeSocket.made.at(-1);
      socket.onopen();
      socket.say("error", { ...REFUSAL, message: NO_ACCESS });
      socket.onclose({ code: 4401 });
      await pass(1_100);
    }
  },
  async http(pass) {
    FakeSocket.made[0].onclose({ code: 1006 });
    await pass(3_000);
  },
};
for (const [road, refuse] of Object.entries(REFUSALS)) {
  test(`s3: who is refused over ${road} is told so in the same words`, async (t) => {
    const { ann, pass } = await client(t, () => assert.fail());
    globalThis.fetch = async () => new Response(JSON.stringify({ ...REFUSAL, detail: NO_ACCESS }), { status: 401 });
    await refuse(pass);
    assert.deepEqual([ann.state, ann.connection.reason], ["failed", `Your session is over. ${NO_ACCESS}`]);
  });
}
