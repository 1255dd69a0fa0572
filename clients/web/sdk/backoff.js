// Owns how long to wait before another try: full jitter, so that a crowd does not come back at once.

const FLOOR_MS = 500;
const CEILING_MS = 15_000;
const FIRST_MS = 2_000;

/**
 * Returns the milliseconds before try number `attempt` (0 is the first). The first comes within two seconds,
 * later ones between half a second and a bound that doubles up to fifteen.
 * @param {number} attempt
 */
export function backoff(attempt) {
  if (attempt === 0) return Math.random() * FIRST_MS;
  const bound = Math.min(CEILING_MS, FIRST_MS * 2 ** Math.min(attempt, 10));
  return FLOOR_MS + Math.random() * (bound - FLOOR_MS);
}

/** Returns the milliseconds before a refused message is sent again; never sooner than the server asked. */
export function resendDelay(attempt, retryAfterMs = 0) {
  const bound = Math.min(CEILING_MS, FLOOR_MS * 2 ** Math.min(attempt, 10));
  const jittered = FLOOR_MS / 2 + Math.random() * (bound - FLOOR_MS / 2);
  return Math.max(retryAfterMs, jittered);
}
