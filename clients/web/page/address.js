// Owns what the address of the page names: a person, a group, or any conversation by its id.

import { groupKey } from "./chat.js";

const FORM = /^\/(chat|group|conversation)\/([^/]+)\/?$/u;

/** @returns {{key: string|null, conversationId: string|null}} of a chat; both null: the inbox */
export function addressed({ pathname } = location) {
  const [, kind, text = ""] = pathname.match(FORM) ?? [];
  const name = decoded(text);
  if (!name) return { key: null, conversationId: null };
  if (kind === "conversation") return { key: null, conversationId: name };
  return { key: kind === "group" ? groupKey(name) : name, conversationId: null };
}

/** Returns null if an escape is broken. */
function decoded(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
