// Owns how a new message becomes a desktop notification: in which words, and when it is left out.

import { excerpt } from "../bubble.js";

const PREVIEW = 100; // characters

/**
 * @param {{chats: any, preferences: import("./preferences.js").Preferences,
 *          open: (key: string) => void}} options
 * @returns {(message: any) => Promise<import("./desktop.js").Occasion|null>}
 */
export function messageOccasions({ chats, preferences, open }) {
  return async (message) => {
    const chat = await chats.of(message.conversation_id).catch(() => null); // gone by now
    if (!chat || chat.muted || !(await isWanted(preferences))) return null;
    const author = chat.isGroup ? `${chat.nameOf(message.sender_id)}: ` : "";
    const body = Array.from(author + excerpt(message)).slice(0, PREVIEW).join("");
    const { conversation_id: conversationId, message_id } = message;
    const about = { id: `message-${message_id}`, tag: `linkup:${conversationId}`, conversationId };
    return { ...about, title: chat.title, body, open: () => open(chat.key) };
  };
}

/** A page that cannot load the preferences tells too much rather than too little. */
async function isWanted(preferences) {
  if (!preferences.known) await preferences.load().catch(() => {});
  const { enabled = true, realtime = true } = preferences.of("new_message") ?? {};
  return enabled && realtime;
}
