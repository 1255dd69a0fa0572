// Owns who is signed in, in this tab alone: two windows of one browser may be two people.

const KEY = "linkup.session";
const USER = "linkup.user"; // whose drafts these are
const DRAFT = "linkup.draft.";

/** The storage, or null where a browser keeps nothing for a page in a frame. */
const kept = storage();

function storage() {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}

/** @typedef {{token: string, user_id: string, name: string}} Session */

/** @returns {Session|null} */
export function loadSession() {
  try {
    const session = JSON.parse(kept?.getItem(KEY) ?? "null");
    return session?.token && session?.user_id ? session : null;
  } catch {
    return null;
  }
}

/** @param {Session} session */
export function saveSession({ token, user_id, name }) {
  kept?.setItem(KEY, JSON.stringify({ token, user_id, name: name || user_id }));
  return loadSession();
}

/** Whoever was here before, what they had begun to write is not for this one. @param {string} userId */
export function beginFor(userId) {
  const before = kept?.getItem(USER);
  if (before && before !== userId) endSession();
  kept?.setItem(USER, userId);
}

/** Forgets the person and what they had begun to write; what they sent stays on its way. */
export function endSession() {
  for (const key of Object.keys(kept ?? {})) {
    if (key === KEY || key === USER || key.startsWith(DRAFT)) kept.removeItem(key);
  }
}

const draftKey = (key) => DRAFT + key;

/** Returns what was begun to be written to somebody. */
export const loadDraft = (key) => kept?.getItem(draftKey(key)) ?? "";

export function saveDraft(key, text) {
  if (text) kept?.setItem(draftKey(key), text);
  else kept?.removeItem(draftKey(key));
}
