// Owns who is signed in, in this tab alone: two windows of one browser may be two people.

const KEY = "linkup.session";
const DRAFT = "linkup.draft.";

/** @typedef {{token: string, user_id: string, name: string}} Session */

/** @returns {Session|null} */
export function loadSession() {
  try {
    const session = JSON.parse(sessionStorage.getItem(KEY));
    return session?.token && session?.user_id ? session : null;
  } catch {
    return null;
  }
}

/** @param {Session} session */
export function saveSession({ token, user_id, name }) {
  sessionStorage.setItem(KEY, JSON.stringify({ token, user_id, name: name || user_id }));
  return loadSession();
}

/** Forgets the person and what they had begun to write; what they sent stays on its way. */
export function endSession() {
  for (const key of Object.keys(sessionStorage)) {
    if (key === KEY || key.startsWith(DRAFT)) sessionStorage.removeItem(key);
  }
}

const draftKey = (key) => DRAFT + key;

/** What was begun to be written to somebody. */
export const loadDraft = (key) => sessionStorage.getItem(draftKey(key)) ?? "";

export function saveDraft(key, text) {
  if (text) sessionStorage.setItem(draftKey(key), text);
  else sessionStorage.removeItem(draftKey(key));
}
