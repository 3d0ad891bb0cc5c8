/** Keys that make a request safe to repeat. */

const BYTES = 16;

/** Return a new Idempotency-Key; also where the page is not served securely, and has no `randomUUID`. */
export function newKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(BYTES)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
