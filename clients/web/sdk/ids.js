// Owns how a `client_id` is made.

/** Returns 128 random bits. `crypto.randomUUID` exists on https only; this works everywhere. */
export function newClientId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
