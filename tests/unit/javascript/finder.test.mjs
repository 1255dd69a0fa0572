// Tests how people are looked for while somebody types.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Finder } from "../../../clients/web/page/finder.js";

const ANN = { user_id: "u1", name: "Ann", avatar: null };
const BEN = { user_id: "u2", name: "Ben", avatar: null };

/** A server with these pages, by what is asked for. */
function finder(pages) {
  const asked = [];
  const told = [];
  const api = {
    findUsers: async ({ q, after }) => {
      asked.push(`${q} ${after ?? ""}`.trim());
      const page = pages[asked.at(-1)];
      if (page instanceof Error) throw page;
      return page;
    },
  };
  const again = { until: (ask) => ask() };
  const on = {
    found: (people, { first, goesOn }) => told.push({ ids: people.map(({ user_id }) => user_id), first, goesOn }),
    failed: (text) => told.push(text),
  };
  return { finder: new Finder({ client: { api }, again, limit: 5, on }), asked, told };
}

test("only what is typed last is looked for, once", async () => {
  const { finder: one, asked, told } = finder({ ann: { users: [ANN], next: null } });
  one.search("a");
  const gone = one.settled();
  one.search("an");
  one.search(" ann ");
  one.search("ann");
  await gone; // nobody waits for what is looked for no more
  await one.settled();
  assert.deepEqual(asked, ["ann"]);
  assert.deepEqual(told, [{ ids: ["u1"], first: true, goesOn: false }]);
});

test("an empty page that goes on is followed, and more goes on after it", async () => {
  const pages = {
    "a b": { users: [], next: "m1" },
    "a b m1": { users: [ANN], next: "m2" },
    "a b m2": { users: [BEN], next: null },
  };
  const { finder: one, asked, told } = finder(pages);
  one.search("a b");
  await one.settled();
  await one.more();
  assert.deepEqual(asked, ["a b", "a b m1", "a b m2"]);
  assert.deepEqual(told, [
    { ids: ["u1"], first: true, goesOn: true },
    { ids: ["u2"], first: false, goesOn: false },
  ]);
});

test("what fails is told, and nobody waits for it", async () => {
  const { finder: one, told } = finder({ ann: new Error("Try again later") });
  one.search("ann");
  await one.settled();
  assert.deepEqual(told, ["Try again later"]);
});

test("without words nothing is looked for", async () => {
  const { finder: one, asked } = finder({});
  one.search("ann");
  one.search("  ");
  await one.settled();
  assert.deepEqual(asked, []);
});
