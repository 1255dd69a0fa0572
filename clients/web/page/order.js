// Owns in what order a conversation is read: its days, its messages, and what happened in between.

import { dayKey } from "./time.js";

const TOGETHER_MS = 5 * 60_000;

/**
 * @typedef {{type: "day", at: string} | {type: "message", item: any, follows: boolean}
 *           | {type: "notice", notice: import("./notices.js").Notice}} Entry
 */

/**
 * @param {{messages: any[], pending: any[], notices: import("./notices.js").Notice[],
 *          hasMore: boolean, me: string}} of notices from before the first loaded message wait for
 *        theirs
 * @returns {Entry[]}
 */
export function inOrder({ messages, pending, notices, hasMore, me }) {
  const entries = [];
  const first = hasMore ? (messages[0]?.seq ?? Infinity) : 0;
  const left = notices.filter(({ afterSeq }) => afterSeq >= first);
  let before = null;

  const place = (entry, at) => {
    if (!before || dayKey(before.at) !== dayKey(at)) entries.push({ type: "day", at });
    entries.push(entry);
    before = { ...entry, at };
  };
  const follows = (item) => {
    if (before?.type !== "message" || dayKey(before.at) !== dayKey(item.created_at)) return false;
    const author = ({ sender_id }) => sender_id ?? me; // what is unsent is one's own
    const gap = new Date(item.created_at) - new Date(before.at);
    return author(before.item) === author(item) && gap < TOGETHER_MS;
  };
  const tell = (notice, next) => place({ type: "notice", notice }, between(before?.at, notice.at, next));

  for (const item of [...messages, ...pending]) {
    while (left.length && left[0].afterSeq < (item.seq ?? Infinity)) tell(left.shift(), item.created_at);
    place({ type: "message", item, follows: follows(item) }, item.created_at);
  }
  for (const notice of left) tell(notice);
  return entries;
}

/** A replayed frame was heard of late, and clocks differ: its neighbours know better. */
function between(before, at, next) {
  if (next !== undefined && new Date(next) < new Date(at)) return next;
  return before !== undefined && new Date(before) > new Date(at) ? before : at;
}
