// Lets the JavaScript client take every golden frame of the server, and shows what it made of it.
// node golden.mjs <clients/web> <golden>: one JSON object on stdout.

import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [web, golden] = process.argv.slice(2).map((path) => resolve(path));
const sockets = [];

class FakeSocket {
  sent = [];

  constructor() {
    sockets.push(this);
  }

  send(text) {
    this.sent.push(text);
  }

  close() {}
}

class FakeStorage extends Map {
  getItem = (key) => this.get(key) ?? null;
  setItem = (key, value) => this.set(key, value);
  removeItem = (key) => this.delete(key);
}

const page = { onLine: true, visibilityState: "visible", addEventListener() {}, removeEventListener() {} };
const browser = {
  WebSocket: FakeSocket,
  sessionStorage: new FakeStorage(),
  document: page,
  navigator: page,
  IDBKeyRange: { bound() {} },
  addEventListener() {},
  removeEventListener() {},
};
for (const [name, value] of Object.entries(browser)) {
  Object.defineProperty(globalThis, name, { value, configurable: true });
}

const { LinkupClient } = await import(pathToFileURL(join(web, "linkup-client.js")));
const FEED = ["message", "message_updated", "message_deleted", "reaction", "receipt", "conversation"];
const BELL = ["notification", "badge_update", "notification_read", "notifications_read"];
const EVENTS = [...FEED, ...BELL, "typing", "presence", "resync", "acked", "failed", "discarded", "fault"];
const welcome = readFileSync(join(golden, "server.welcome.json"), "utf8");

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 1));
}

async function dialled(count) {
  await until(() => sockets.length === count);
  const socket = sockets.at(-1);
  socket.onopen();
  return socket;
}

function newClient() {
  return new LinkupClient({ url: "http://test", userId: "alice", getToken: async () => "a.b.c" });
}

/** What the client tells its page about the frame, and where it would go on after a break. */
async function take(text) {
  const events = [];
  const client = newClient();
  for (const type of EVENTS) {
    client.addEventListener(type, ({ detail }) => events.push({ type, detail }));
  }
  client.start({ epoch: "0f3a9c", cursor: 1 });
  const socket = await dialled(sockets.length + 1);
  socket.onmessage({ data: welcome });
  socket.onmessage({ data: text });
  const confirmed = socket.sent.map((sent) => JSON.parse(sent)).find(({ type }) => type === "delivered");
  socket.onclose({ code: 1006 });
  client.retryNow();
  const next = await dialled(sockets.length + 1);
  client.stop();
  const { epoch, cursor } = JSON.parse(next.sent[0]);
  return { events, epoch, cursor, confirmed, read: JSON.parse(text) };
}

/** Every frame the client sends of its own accord and when asked. */
async function speak() {
  const client = newClient();
  client.start({ epoch: "0f3a9c", cursor: 1 });
  const socket = await dialled(sockets.length + 1);
  socket.onmessage({ data: welcome.replace("10000", "300") });
  client.send({ to: "bob", content: "hello", reply_to: 7 });
  for (const change of [client.edit(8, "better"), client.delete(9, "everyone"), client.react(10, "👍")]) {
    change.catch(() => {}); // the client stops before there is an answer
  }
  client.typing("d7q2");
  client.watch(["bob"]);
  client.watch(["carol"]);
  client.delivered("d7q2", 3);
  client.read("d7q3", 4);
  const types = () => new Set(socket.sent.map((text) => JSON.parse(text).type));
  await until(() => types().size >= 11);
  client.stop();
  return socket.sent;
}

const taken = {};
for (const file of readdirSync(golden).filter((name) => name.startsWith("server."))) {
  taken[file] = await take(readFileSync(join(golden, file), "utf8"));
}
const sent = await speak();
process.stdout.write(JSON.stringify({ taken, sent }), () => process.exit(0));
