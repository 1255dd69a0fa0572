// Owns how it is said that somebody types.

import { isolated } from "./names.js";

/** Says who is typing, in words, or nothing. @param {import("./chat.js").Chat} chat */
export function typingLine(chat) {
  const names = [...chat.typists].map((user) => isolated(chat.nameOf(user)));
  if (!names.length) return "";
  if (!chat.isGroup) return "typing…";
  if (names.length > 2) return `${names.length} people are typing…`;
  return `${names.join(" and ")} ${names.length > 1 ? "are" : "is"} typing…`;
}
