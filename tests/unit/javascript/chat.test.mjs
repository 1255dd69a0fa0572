// Tests what a conversation makes of changes: in any order, more than once, hoped for and refused.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Chat } from "../../../clients/web/page/chat.js";
import { Hopes } from "../../../clients/web/page/hopes.js";

const AT = "2026-11-21T09:30:00.000000Z";

function chatWith(...contents) {
  const chat = new Chat({ me: "me", names: new Map(), peerId: "bob" });
  chat.conversationId = "c";
  chat.loaded = true;
  contents.forEach((content, place) => chat.add(message(place + 1, content)));
  return chat;
}

function message(seq, content, more = {}) {
  const ids = { message_id: 100 + seq, conversation_id: "c", client_id: `c${seq}`, seq };
  return { ...ids, version: 1, sender_id: "bob", content, created_at: AT, ...more };
}

const edit = (message_id, version, content) => ({
  type: "message_updated",
  message_id,
  version,
  content,
  edited_at: AT,
});
const removal = (message_id, version, mode) => ({
  type: "message_deleted",
  message_id,
  version,
  mode,
  deleted_at: AT,
});
const reaction = (message_id, version, user_id, emoji, removed = false) => ({
  type: "reaction",
  message_id,
  version,
  user_id,
  emoji,
  removed,
});
const contents = (chat) => chat.messages.map(({ content }) => content);

test("an older version never replaces a newer one", () => {
  const chat = chatWith("first");
  chat.revise(edit(101, 3, "third"));
  chat.revise(edit(101, 2, "second"));
  chat.add(message(1, "first"));
  assert.deepEqual(contents(chat), ["third"]);
  chat.add(message(1, "fourth", { version: 4 }));
  assert.deepEqual(contents(chat), ["fourth"]);
  assert.equal(chat.preview.content, "fourth");
});

test("a reaction told twice counts once", () => {
  const chat = chatWith("first");
  const users = () => chat.messages[0].reactions;
  chat.revise(reaction(101, 2, "me", "👍"));
  chat.revise(reaction(101, 2, "me", "👍"));
  chat.revise(reaction(101, 3, "bob", "👍"));
  assert.deepEqual(users(), [{ emoji: "👍", user_ids: ["me", "bob"] }]);
  chat.revise(reaction(101, 4, "me", "👍", true));
  chat.revise(reaction(101, 5, "bob", "👍", true));
  assert.deepEqual(users(), []);
});

test("deleted for everyone leaves a tombstone that counts as read, for me leaves nothing", () => {
  const chat = chatWith("first", "second", "third");
  assert.equal(chat.unread, 3);
  chat.revise(removal(103, 2, "everyone"));
  assert.equal(chat.messages.at(-1).deleted_at, AT);
  assert.deepEqual(contents(chat), ["first", "second", ""]);
  assert.equal(chat.unread, 2);
  chat.revise(removal(103, 2, "me"));
  assert.deepEqual(contents(chat), ["first", "second"]);
  assert.equal(chat.preview.content, "second");
  assert.equal(chat.unread, 2);
});

test("a change of a message that is not loaded is told so, and changes the line of the inbox", () => {
  const chat = new Chat({ me: "me", names: new Map(), peerId: "bob" });
  chat.add(message(7, "seventh"));
  assert.equal(chat.revise(edit(106, 2, "x")), false);
  assert.equal(chat.revise(edit(107, 2, "better")), true);
  assert.equal(chat.preview.content, "better");
});

test("what was cleared is gone, what came later stays", () => {
  const chat = chatWith("first", "second", "third");
  chat.clear(2);
  assert.deepEqual(contents(chat), ["third"]);
  chat.clear(3);
  assert.equal(chat.preview, null);
  assert.equal(chat.unread, 0);
});

/** A client whose answers come when the test says so. */
function hoping() {
  const answers = [];
  const ask = () => new Promise((resolve, reject) => answers.push({ resolve, reject }));
  const client = { userId: "me", edit: ask, delete: ask, react: ask };
  return { hopes: new Hopes({ client, onChange() {} }), answers };
}

test("a refused change is taken back, and said", async () => {
  const chat = chatWith("first");
  const { hopes, answers } = hoping();
  const refusals = [];
  hopes.addEventListener("refused", ({ detail }) => refusals.push(detail.message));
  const ended = hopes.edit(chat, chat.messages[0], "second");
  assert.equal(chat.messages[0].content, "second");
  assert.equal(chat.messages[0].changing, true);
  answers[0].reject(new Error("too late"));
  await ended;
  assert.deepEqual(contents(chat), ["first"]);
  assert.equal(chat.messages[0].changing, undefined);
  assert.deepEqual(refusals, ["too late"]);
});

test("a confirmed change stays until its own frame comes, and does not undo a newer one", async () => {
  const chat = chatWith("first");
  const { hopes, answers } = hoping();
  const mine = hopes.edit(chat, chat.messages[0], "mine");
  answers[0].resolve();
  await mine;
  assert.deepEqual(contents(chat), ["mine"]);
  const again = hopes.edit(chat, chat.messages[0], "mine again");
  chat.revise(edit(101, 3, "theirs"));
  answers[1].resolve();
  await again;
  assert.deepEqual(contents(chat), ["theirs"]);
});

test("changes of one message add up while they wait", async () => {
  const chat = chatWith("first");
  const { hopes, answers } = hoping();
  const both = [hopes.edit(chat, chat.messages[0], "second"), hopes.react(chat, chat.messages[0], "👍")];
  const [shown] = chat.messages;
  assert.equal(shown.content, "second");
  assert.deepEqual(shown.reactions, [{ emoji: "👍", user_ids: ["me"] }]);
  answers[0].reject(new Error("no"));
  answers[1].resolve();
  await Promise.all(both);
  assert.deepEqual(contents(chat), ["first"]);
  assert.deepEqual(chat.messages[0].reactions, [{ emoji: "👍", user_ids: ["me"] }]);
});
