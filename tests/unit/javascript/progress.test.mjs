// Tests how far a message has come: by pages, in lists, in words, and no more often than it may.

import assert from "node:assert/strict";
import { mock, test } from "node:test";

import { Pace } from "../../../clients/web/page/pace.js";
import { listsOf, Progress, toldByEmail } from "../../../clients/web/page/progress.js";

const AT = "2026-11-21T09:30:00.000000Z";
const LATER = "2026-11-21T09:42:00.000000Z";

function receipt(user_id, delivered, read, times = {}) {
  return { user_id, name: null, delivered, read, delivered_at: null, read_at: null, ...times };
}

const PEOPLE = ["anna", "ben", "carl", "dina"].map((user) => receipt(user, false, false));

/** Two a page, whatever is asked for. */
function server(people = PEOPLE) {
  const asked = [];
  const receipts = async (_, { after }) => {
    asked.push(after);
    const from = after ? people.findIndex(({ user_id }) => user_id === after) + 1 : 0;
    const page = people.slice(from, from + 2);
    const next = from + 2 < people.length ? page.at(-1).user_id : null;
    return { member_count: people.length, delivered_count: 0, read_count: 0, receipts: page, next };
  };
  return { asked, receipts };
}

const names = ({ receipts }) => receipts.map(({ user_id }) => user_id);

test("s65: a page at a time, and all that were there when it is asked anew", async () => {
  const api = server();
  const progress = new Progress({ api, messageId: 1 });
  assert.equal(progress.counts, null);
  await progress.refresh();
  assert.deepEqual([names(progress), progress.goesOn], [["anna", "ben"], true]);
  await progress.more();
  assert.deepEqual([names(progress), progress.goesOn], [["anna", "ben", "carl", "dina"], false]);
  await progress.more();
  await progress.refresh();
  assert.deepEqual(names(progress), ["anna", "ben", "carl", "dina"]);
  assert.deepEqual(api.asked, [undefined, "ben", undefined, "ben"]);
});

test("s65: an older answer never comes after a newer one", async () => {
  const waiting = [];
  const api = { receipts: () => new Promise((answer) => waiting.push(answer)) };
  const progress = new Progress({ api, messageId: 1 });
  const page = (read) => ({
    member_count: 1, delivered_count: 1, read_count: Number(read), receipts: [receipt("anna", true, read)], next: null,
  });
  const both = [progress.refresh(), progress.refresh()];
  while (!waiting.length) await null;
  assert.equal(waiting.length, 1);
  waiting[0](page(false));
  await both[0];
  while (waiting.length < 2) await null;
  waiting[1](page(true));
  await both[1];
  assert.equal(progress.counts.read, 1);
});

test("s65: what failed leaves what was there, and does not stand in the way", async () => {
  const api = server();
  const progress = new Progress({ api, messageId: 1 });
  await progress.refresh();
  const { receipts } = api;
  api.receipts = () => Promise.reject(new Error("gone"));
  await assert.rejects(progress.more(), /gone/);
  assert.deepEqual(names(progress), ["anna", "ben"]);
  api.receipts = receipts;
  await progress.more();
  assert.deepEqual(names(progress), ["anna", "ben", "carl", "dina"]);
});

test("s65: each is in the list of how far it got, with the time of that, known or not", () => {
  const receipts = [
    receipt("anna", true, true, { delivered_at: AT, read_at: LATER }),
    receipt("ben", true, false, { delivered_at: AT }),
    receipt("carl", true, true),
    receipt("dina", false, false),
  ];
  const lists = listsOf(receipts, { all: 9, delivered: 6, read: 4 });
  const told = lists.map(({ name, count, people }) => [name, count, people.map((one) => [one.user_id, one.at])]);
  assert.deepEqual(told, [
    ["Read by", 4, [["anna", LATER], ["carl", null]]],
    ["Delivered to", 2, [["ben", AT]]],
    ["Not yet", 3, [["dina", null]]],
  ]);
});

test("s65: a list of nobody is left out, one of whom a further page has is not", () => {
  const lists = listsOf([receipt("anna", true, true)], { all: 5, delivered: 3, read: 3 });
  assert.deepEqual(lists.map(({ name, count }) => [name, count]), [["Read by", 3], ["Not yet", 2]]);
});

test("s51: only an e-mail that was sent is told, and notify's silence takes nothing back", async () => {
  const step = (outcome, at = LATER) => ({ step: "notification", channel: "email", user_id: "anna", outcome, at });
  const steps = [{ step: "committed", at: AT }, step("sent"), step("cancelled"), step("failed"), step("waiting", null)];
  const api = { timeline: async () => ({ steps, notifications: "complete" }) };
  const progress = new Progress({ api, messageId: 1 });
  assert.equal(toldByEmail(progress, false), null);
  await progress.askEmails();
  assert.deepEqual(toldByEmail(progress, false), { words: "E-mail sent", at: LATER });
  api.timeline = async () => ({ steps: [], notifications: "unavailable" });
  await progress.askEmails();
  assert.deepEqual(toldByEmail(progress, true), { words: "E-mail sent to 1 of them", at: LATER });
});

test("s51: of many it is the last one's time, and of more than are named the least number", () => {
  const emails = [{ user_id: "anna", at: AT }, { user_id: "ben", at: LATER }];
  const told = (all) => toldByEmail({ emails, counts: { all, delivered: 0, read: 0 } }, true);
  assert.deepEqual(told(32), { words: "E-mail sent to 2 of them, the last", at: LATER });
  assert.equal(told(33).words, "E-mail sent to at least 2 of them, the last");
});

test("at once when asked, then once for all that ask within the gap, and never after its end", () => {
  mock.timers.enable({ apis: ["setTimeout", "Date"] });
  let done = 0;
  const pace = new Pace(() => (done += 1), 2_000);
  pace.ask();
  mock.timers.tick(0);
  assert.equal(done, 1);
  for (let again = 0; again < 100; again += 1) pace.ask();
  mock.timers.tick(1_999);
  assert.equal(done, 1);
  mock.timers.tick(1);
  assert.equal(done, 2);
  pace.ask();
  pace.stop();
  mock.timers.tick(10_000);
  assert.equal(done, 2);
  mock.timers.reset();
});
