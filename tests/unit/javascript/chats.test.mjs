// Tests what the page counts as unread, in conversations that it has not loaded as well.

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";

import { Chats } from "../../../clients/web/page/chats.js";

class Client extends EventTarget {
  userId = "me";
  state = "connected";
  count = 5;
  api = {
    conversations: async () => ({ epoch: "e", cursor: 1, conversations: [], next: 7 }),
    unread: async () => ({ unread_count: this.count }),
  };

  unsent = async () => [];

  tell(frame) {
    this.dispatchEvent(new CustomEvent(frame.type, { detail: frame }));
  }
}

async function counts(chats, expected) {
  for (let tries = 0; chats.unread !== expected && tries < 200; tries += 1) await pause(50);
  assert.equal(chats.unread, expected);
}

test("p19: what is muted, archived or read far down the inbox is counted no more", async () => {
  const client = new Client();
  const again = { until: (ask) => ask() };
  const chats = new Chats({ client, again });
  await chats.load();
  await counts(chats, 5);
  client.count = 3;
  client.tell({ type: "conversation", conversation_id: "c", kind: "direct", member_count: 2, change: "settings", muted: true });
  await counts(chats, 3);
  client.count = 1;
  client.tell({ type: "receipt", conversation_id: "d", user_id: "me", delivered_seq: 2, read_seq: 2 });
  await counts(chats, 1);
});
