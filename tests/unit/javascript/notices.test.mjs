// Tests what a group's timeline tells of what happened: in which words, where, and only what is known.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Again } from "../../../clients/web/page/again.js";
import { Chat } from "../../../clients/web/page/chat.js";
import { Chats } from "../../../clients/web/page/chats.js";
import { Groups } from "../../../clients/web/page/groups.js";
import { Notices } from "../../../clients/web/page/notices.js";
import { inOrder } from "../../../clients/web/page/order.js";
import { inWords } from "../../../clients/web/page/sentence.js";

const NAMES = new Map([["alice", "Alice"], ["bob", "Bob"], ["carol", "Carol"], ["dave", "Dave"]]);
const nameOf = (user) => NAMES.get(user) ?? user;

let cursor = 0;
function frame(change, actor_id, user_ids, more = {}) {
  cursor += 1;
  const of = { type: "conversation", cursor, kind: "group", member_count: 3, cleared_seq: 0 };
  return { ...of, change, actor_id, user_ids, ...more };
}

function told(notices, me = "me") {
  const words = (notice) => inWords(notice, nameOf, me).map((part) => part.name ?? part).join("");
  return notices.told.map(words);
}

function noticesOf(...frames) {
  const notices = new Notices();
  for (const one of frames) notices.add(one, 0);
  return notices;
}

test("each change has its words, and this user is you", () => {
  const notices = noticesOf(
    frame("created", "me"),
    frame("member_added", "bob", ["carol"]),
    frame("member_added", "bob", ["me", "carol", "dave"]),
    frame("member_added", "me", ["bob", "carol", "dave", "erin"]),
    frame("member_added", "bob", undefined),
    frame("renamed", "alice", undefined, { title: "Harbour" }),
    frame("member_removed", "alice", ["bob"]),
    frame("left", "carol", ["carol"]),
    frame("settings", "me"),
  );
  assert.deepEqual(told(notices), [
    "You created the group",
    "Bob added Carol",
    "Bob added you, Carol and Dave",
    "You added Bob, Carol and 2 others",
    "Bob added many people",
    "Alice renamed the group to Harbour",
    "Alice removed Bob",
    "Carol left",
  ]);
});

test("a role is told once it is known, of several only the last", () => {
  const frames = [["alice", "bob"], ["alice", "bob"], ["alice", "me"], ["carol", "carol"]];
  const notices = noticesOf(...frames.map(([actor, user]) => frame("role", actor, [user])));
  assert.deepEqual(told(notices), []);
  const members = { bob: { role: "admin" }, me: { role: "owner" }, carol: { role: "member" } };
  notices.resolve(new Map(Object.entries(members)), cursor);
  const known = [
    "Alice gave Bob another role",
    "Alice made Bob an admin",
    "Alice made you an owner",
    "Carol is now a member",
  ];
  assert.deepEqual(told(notices), known);
  notices.add(frame("role", "alice", ["bob"]), 0);
  notices.resolve(new Map(Object.entries(members)), cursor - 1); // an answer from before it
  assert.deepEqual(told(notices), known);
  notices.settle();
  assert.deepEqual(told(notices), [...known, "Alice gave Bob another role"]);
});

test("who inherits a group was not made its owner by who left", () => {
  const notices = noticesOf(frame("left", "alice", ["alice"]), frame("role", "alice", ["bob"]));
  assert.deepEqual(told(notices), ["Alice left", "Bob is now an owner"]);
  assert.deepEqual(told(notices, "bob"), ["Alice left", "You are now an owner"]);
});

test("of two titles in one replay only the last is known; the same frame twice is one notice", () => {
  const first = frame("renamed", "alice", undefined, { title: "Now" });
  const second = frame("renamed", "bob", undefined, { title: "Now" });
  const notices = noticesOf(first, second, second);
  assert.deepEqual(told(notices), ["Alice renamed the group", "Bob renamed the group to Now"]);
});

const message = (seq, at, sender_id = "bob") => ({ seq, sender_id, created_at: at, client_id: `c${seq}` });
const notice = (afterSeq, at) => ({ cursor: (cursor += 1), afterSeq, at });

function lines({ messages = [], pending = [], notices = [], hasMore = false }) {
  const entries = inOrder({ messages, pending, notices, hasMore, me: "me" });
  return entries.map(({ type, at, item, follows, notice: one }) => {
    if (type === "day") return `day ${at.slice(0, 10)}`;
    return type === "notice" ? `notice ${one.afterSeq}` : `${item.seq ?? "unsent"}${follows ? "+" : ""}`;
  });
}

test("a notice stands behind the message it followed, on its day, and parts who spoke on", () => {
  const messages = [message(1, "2026-11-20T12:00:00Z"), message(2, "2026-11-20T12:01:00Z")];
  const notices = [notice(1, "2026-11-20T12:00:30Z"), notice(2, "2026-11-21T12:00:00Z")];
  assert.deepEqual(lines({ messages }), ["day 2026-11-20", "1", "2+"]);
  assert.deepEqual(lines({ messages, notices }), [
    ...["day 2026-11-20", "1", "notice 1", "2"],
    ...["day 2026-11-21", "notice 2"],
  ]);
});

test("days never go back: what was replayed late, or by a wrong clock, keeps to its neighbours", () => {
  const messages = [message(1, "2026-11-20T12:00:00Z"), message(2, "2026-11-22T12:00:00Z")];
  const late = [notice(1, "2026-11-25T12:00:00Z"), notice(2, "2026-11-19T12:00:00Z")];
  assert.deepEqual(lines({ messages, notices: late }), [
    ...["day 2026-11-20", "1"],
    ...["day 2026-11-22", "notice 1", "2", "notice 2"],
  ]);
});

test("what is unsent stays last; what happened before the loaded messages waits for them", () => {
  const at = "2026-11-20T12:00:00Z";
  const notices = [notice(3, at), notice(7, at)];
  const loaded = { messages: [message(5, at), message(7, at)], pending: [{ created_at: at }], notices };
  const end = ["5", "7+", "notice 7", "unsent"];
  assert.deepEqual(lines({ ...loaded, hasMore: true }), ["day 2026-11-20", ...end]);
  assert.deepEqual(lines(loaded), ["day 2026-11-20", "notice 3", ...end]);
});

/** Groups whose questions are answered when the test says so. */
function asking() {
  const answers = [];
  const api = { members: () => new Promise((resolve, reject) => answers.push({ resolve, reject })) };
  const chat = new Chat({ me: "me", names: NAMES, conversationId: "g" });
  Object.assign(chat, { order: 1, loaded: true, members: new Map([["bob", { role: "member" }]]) });
  const on = { fetch: async () => chat, change() {}, raise() {}, left() {} };
  const again = new Again({ client: new EventTarget() });
  return { groups: new Groups({ api, again, me: "me", names: NAMES, on }), chat, answers };
}

const marks = { delivered_seq: 0, read_seq: 0 };
const page = (role, at) => ({
  members: [{ user_id: "bob", role, ...marks }, { user_id: "me", role: "admin", ...marks }],
  cursor: at,
});
const turn = () => new Promise((resolve) => setTimeout(resolve));

test("who is in a group is asked once at a time, and once more when it changed meanwhile", async () => {
  const { groups, chat, answers } = asking();
  groups.take(frame("role", "alice", ["bob"]), chat);
  const first = cursor;
  groups.take(frame("role", "alice", ["bob"]), chat);
  groups.take(frame("role", "alice", ["bob"]), chat);
  assert.equal(answers.length, 1);
  answers[0].resolve(page("admin", first));
  await turn();
  assert.deepEqual(told(chat.notices), ["Alice made Bob an admin"]);
  assert.equal(answers.length, 2);
  answers[1].resolve(page("owner", cursor));
  await turn();
  assert.equal(answers.length, 2);
  assert.deepEqual(told(chat.notices).slice(1), ["Alice gave Bob another role", "Alice made Bob an owner"]);
});

test("who is in a group is asked once more when it changed while that was asked for the first time", async () => {
  const { groups, chat, answers } = asking();
  chat.members = new Map();
  groups.meet(chat);
  groups.take(frame("role", "alice", ["bob"]), chat);
  answers[0].resolve(page("member", cursor - 1)); // as it was before
  await turn();
  assert.equal(answers.length, 2);
  answers[1].resolve(page("admin", cursor));
  await turn();
  assert.deepEqual(told(chat.notices), ["Alice made Bob an admin"]);
});

test("without an answer a change of role is told without the role", async () => {
  const { groups, chat, answers } = asking();
  groups.take(frame("role", "alice", ["bob"]), chat);
  answers[0].reject(new Error("unreachable"));
  await turn();
  assert.deepEqual(told(chat.notices), ["Alice gave Bob another role"]);
});

test("who joins came in behind what they have read, whatever was said since", async () => {
  const { groups, chat } = asking();
  chat.order = null;
  Object.assign(chat, { lastSeq: 9 });
  chat.advance("me", 4, 4);
  groups.take(frame("member_added", "alice", ["me"]), chat);
  await turn();
  assert.equal(chat.notices.items[0].afterSeq, 4);
  groups.take(frame("renamed", "alice", undefined, { title: "X" }), chat);
  await turn();
  assert.equal(chat.notices.items[1].afterSeq, 9);
});

/** The inbox with one group, and a server that can be told who is in it. */
async function loaded() {
  const group = { conversation_id: "g", kind: "group", title: "G", role: "owner", member_count: 2 };
  const seqs = { last_seq: 3, delivered_seq: 3, read_seq: 3, peer_delivered_seq: 0, peer_read_seq: 0 };
  const summary = { ...group, ...seqs, unread_count: 0, archived: false, muted: false };
  const server = { role: "member", asked: 0 };
  const members = async () => {
    server.asked += 1;
    return page(server.role, cursor);
  };
  const conversations = async () => ({ conversations: [summary], epoch: "e", cursor });
  const client = Object.assign(new EventTarget(), { userId: "me", api: { conversations, members } });
  const hear = (detail) => client.dispatchEvent(new CustomEvent("conversation", { detail }));
  const chats = new Chats({ client, again: new Again({ client }) });
  await chats.load();
  const [chat] = chats.inbox;
  await chats.meetMembers(chat);
  return { chats, chat, server, hear: (...what) => hear({ ...frame(...what), conversation_id: "g" }) };
}

test("what is cleared takes along what happened, and what happens then is told", async () => {
  const { chat, hear } = await loaded();
  hear("renamed", "alice", undefined, { title: "Old" });
  hear("cleared", undefined, undefined, { cleared_seq: 3 });
  hear("renamed", "alice", undefined, { title: "New", cleared_seq: 3 });
  hear("member_removed", "alice", ["dave"], { cleared_seq: 3 });
  assert.deepEqual(told(chat.notices), ["Alice renamed the group to New", "Alice removed Dave"]);
});

test("c6: after a resync the members are asked for again, and what happened may have holes", async () => {
  const { chats, chat, server, hear } = await loaded();
  hear("renamed", "alice", undefined, { title: "Old" });
  server.role = "admin";
  await chats.resync();
  await turn();
  assert.equal(server.asked, 2);
  assert.equal(chat.members.get("bob").role, "admin");
  assert.equal(chat.role, "admin"); // newer than the inbox says
  assert.deepEqual(told(chat.notices), []);
});
