// Tests that no answer of the server undoes what was told or done while it was on its way.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Blocks } from "../../../clients/web/page/blocks.js";
import { Chats } from "../../../clients/web/page/chats.js";

const AT = "2026-11-29T12:00:00.000000Z";
const again = { until: (ask) => ask() };
const turn = () => new Promise(setImmediate);

function message(conversation_id, seq, more = {}) {
  const ids = { message_id: 100 + seq, conversation_id, client_id: `c${seq}`, seq, version: 1 };
  return { type: "message", ...ids, sender_id: "bob", content: `said ${seq}`, created_at: AT, ...more };
}

/** A line of the inbox: of a group if it has a title. */
function line(conversation_id, more = {}) {
  const peer = more.title ? null : { user_id: conversation_id, name: conversation_id };
  const kept = { archived: false, muted: false, blocked: false };
  const marks = { peer_delivered_seq: 0, peer_read_seq: 0, delivered_seq: 0, read_seq: 0 };
  const counts = { last_seq: 0, unread_count: 0, member_count: 2, role: "admin" };
  return { conversation_id, peer, last_message: null, ...kept, ...marks, ...counts, ...more };
}

function change(conversation_id, more = {}) {
  const kept = { archived: false, muted: false, blocked: false, cleared_seq: 0 };
  return { type: "conversation", conversation_id, kind: "direct", member_count: 2, change: "settings", ...kept, ...more };
}

/** A server whose answers wait, once it is `slow`, until `answer` is called. */
class Server extends EventTarget {
  userId = "me";
  state = "connected";
  slow = false;
  waiting = [];
  inbox = [];
  page = { messages: [], has_more: false };
  all = 0;
  next = null;
  api = {
    conversations: () => this.#answered({ epoch: "e", cursor: 1, conversations: this.inbox, next: this.next }),
    messages: () => this.#answered(this.page),
    unread: () => this.#answered({ unread_count: this.all }),
    block: () => this.#answered({}),
  };

  unsent = async () => [];
  delivered = () => {};

  #answered(answer) {
    const told = structuredClone(answer);
    return this.slow ? new Promise((resolve) => this.waiting.push(() => resolve(told))) : Promise.resolve(told);
  }

  tell(...frames) {
    for (const frame of frames) this.dispatchEvent(new CustomEvent(frame.type, { detail: frame }));
  }

  async answer() {
    this.slow = false;
    for (const resolve of this.waiting.splice(0)) resolve();
    await turn();
  }
}

async function chatsOf(...inbox) {
  const server = new Server();
  server.inbox = inbox;
  const chats = new Chats({ client: server, again });
  await chats.load();
  return { server, chats };
}

const kept = ({ archived, muted, blocked }) => ({ archived, muted, blocked });

test("how a conversation is kept is not taken back by an inbox from before", async () => {
  const { server, chats } = await chatsOf(line("bob"));
  const bob = chats.at("bob");
  for (const how of [{ archived: true, muted: true, blocked: true }, { archived: false, muted: false, blocked: false }]) {
    server.inbox = [line("bob", kept(bob))];
    server.slow = true;
    const loading = chats.load();
    server.tell(change("bob", how));
    await server.answer();
    await loading;
    assert.deepEqual(kept(bob), how);
  }
  server.inbox = [line("bob", { muted: true })];
  await chats.load(); // asked since
  assert.equal(bob.muted, true);
});

test("what this user has done is not taken back by an inbox from before", async () => {
  const { server, chats } = await chatsOf(line("bob"));
  const bob = chats.at("bob");
  const blocks = new Blocks({ chats, client: server, again, onRefused: assert.fail });
  server.api.unblock = async () => {};
  bob.keep({ blocked: true });
  server.inbox = [line("bob", { blocked: true })];
  server.slow = true;
  const loading = chats.load();
  bob.keep({ muted: true });
  await blocks.unblock(bob);
  await server.answer();
  await loading;
  assert.deepEqual(kept(bob), { archived: false, muted: true, blocked: false });
});

test("of two inboxes the one that was asked for last is true", async () => {
  const { server, chats } = await chatsOf(line("bob"));
  server.slow = true;
  const first = chats.load();
  server.inbox = [line("bob", { muted: true })];
  const second = chats.load();
  const [late, early] = server.waiting.splice(0);
  early();
  await second;
  late();
  await first;
  assert.equal(chats.at("bob").muted, true);
});

test("a message that came meanwhile leaves its conversation on top, and out of the archive", async () => {
  const { server, chats } = await chatsOf(line("bob"), line("carol", { archived: true }));
  server.slow = true;
  const loading = chats.load();
  server.tell(message("carol", 1));
  await server.answer();
  await loading;
  assert.deepEqual(chats.inbox.map(({ key }) => key), ["carol", "bob"]);
  assert.equal(chats.at("carol").archived, false);
  server.inbox = [line("bob", { last_seq: 1 }), line("carol", { last_seq: 1 })];
  await chats.load();
  assert.deepEqual(chats.inbox.map(({ key }) => key), ["bob", "carol"]);
});

test("a group has the title that it was given meanwhile", async () => {
  const { server, chats } = await chatsOf(line("g", { title: "Old" }));
  server.slow = true;
  const loading = chats.load();
  server.tell(change("g", { kind: "group", change: "renamed", title: "New" }));
  await server.answer();
  await loading;
  assert.equal(chats.at("/g").title, "New");
});

test("what was deleted or cleared meanwhile is neither unread nor the last word", async () => {
  const last_message = message("bob", 2);
  const { server, chats } = await chatsOf(line("bob", { last_seq: 2, unread_count: 2, last_message }));
  const bob = chats.at("bob");
  server.slow = true;
  let loading = chats.load();
  server.tell({ ...message("bob", 2), type: "message_deleted", version: 2, mode: "everyone", deleted_at: AT });
  assert.equal(bob.unread, 1);
  await server.answer();
  await loading;
  assert.equal(bob.unread, 1);
  server.slow = true;
  loading = chats.load();
  server.tell(change("bob", { change: "cleared", cleared_seq: 2 }));
  await server.answer();
  await loading;
  assert.deepEqual([bob.unread, bob.preview], [0, null]);
});

test("a page of messages from before a change does not hide it", async () => {
  const { server, chats } = await chatsOf(line("bob", { last_seq: 5, last_message: message("bob", 5) }));
  const bob = chats.at("bob");
  server.page.messages = [1, 2, 3, 4, 5].map((seq) => message("bob", seq));
  server.slow = true;
  const opening = chats.history.open(bob);
  server.tell(
    change("bob", { change: "cleared", cleared_seq: 1 }),
    { ...message("bob", 2), type: "message_deleted", version: 2, mode: "everyone", deleted_at: AT },
    { ...message("bob", 3), type: "message_deleted", version: 2, mode: "me" },
    { ...message("bob", 4, { content: "better" }), type: "message_updated", version: 2, edited_at: AT },
  );
  await server.answer();
  await opening;
  assert.deepEqual(bob.messages.map(({ seq, content }) => [seq, content]), [[2, ""], [4, "better"], [5, "said 5"]]);
});

test("a message that came while the unread ones were counted is counted once", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const server = new Server();
  Object.assign(server, { inbox: [line("bob")], next: 7, all: 5 });
  const chats = new Chats({ client: server, again });
  await chats.load();
  server.slow = true;
  t.mock.timers.tick(0);
  server.tell(message("bob", 1)); // it is in the answer, or not
  await server.answer();
  t.mock.timers.tick(1_000);
  await turn();
  assert.equal(chats.unread, 5);
});
