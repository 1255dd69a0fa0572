// Owns until when a message may still be changed, and what ends on the screen when that is over.

const MOST_MS = 2 ** 31 - 1; // a timer that is longer fires at once

/**
 * @param {{created_at: string}} message @param {number} seconds the window; 0: for ever
 * @param {number} now the server's time, as `Date.now()`
 * @returns {number} milliseconds; not above 0: it is closed
 */
export function timeLeft({ created_at }, seconds, now) {
  return seconds ? new Date(created_at).getTime() + seconds * 1_000 - now : Infinity;
}

/** Disables a choice after that time; the keyboard goes on to what is left. */
export function closeAfter(button, ms) {
  if (ms > MOST_MS) return;
  setTimeout(() => {
    const focused = document.activeElement === button;
    button.disabled = true;
    if (focused) button.parentElement?.querySelector("button:enabled")?.focus();
  }, ms);
}
