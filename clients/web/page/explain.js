// Owns what a person is told about an error: what happened, and what to do about it.

import { adviceFor } from "../sdk/advice.js";

/** @param {{message: string, code?: string, advice?: import("../sdk/advice.js").Advice}} error as the client tells it */
export function explain({ message, code, advice }) {
  if (!code) return message;
  const { text } = advice ?? adviceFor(code);
  return `${message.replace(/[.!?]$/u, "")}. ${text}`;
}
