// Owns what a change makes of a message: the same for the feed's word and for what is only hoped.

/** @typedef {import("./chat.js").Message} Message */

/**
 * The message after a `message_updated`, `message_deleted` or `reaction`.
 * @param {Message} message @param {any} change
 * @returns {Message|null} null: this user sees it no more
 */
export function revised(message, change) {
  switch (change.type) {
    case "message_updated":
      return { ...message, content: change.content, edited_at: change.edited_at };
    case "message_deleted":
      return change.mode === "me" ? null : tombstone(message, change);
    case "reaction":
      return { ...message, reactions: reacted(message.reactions ?? [], change) };
    default:
      return message;
  }
}

/** Returns whether that user has set that emoji. */
export function hasReacted({ reactions = [] }, emoji, userId) {
  return reactions.some((one) => one.emoji === emoji && one.user_ids.includes(userId));
}

function tombstone(message, { deleted_at }) {
  return { ...message, content: "", reactions: [], attachments: [], deleted_at };
}

function reacted(reactions, { emoji, user_id, removed }) {
  const others = (users) => users.filter((user) => user !== user_id);
  const known = reactions.find((one) => one.emoji === emoji);
  if (!known) return removed ? reactions : [...reactions, { emoji, user_ids: [user_id] }];
  const user_ids = removed ? others(known.user_ids) : [...others(known.user_ids), user_id];
  const next = reactions.map((one) => (one === known ? { emoji, user_ids } : one));
  return next.filter((one) => one.user_ids.length);
}
