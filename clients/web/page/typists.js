// Owns how it is said that somebody types.

/** In words, or empty. @param {import("./chat.js").Chat} chat */
export function typingLine(chat) {
  return chat.typists.size ? "typing…" : "";
}
