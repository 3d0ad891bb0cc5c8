/** Time and chance, so that tests can set them. */

/** What a client reads the time from, and waits with. */
export interface Clock {
  /** Milliseconds since 1970, UTC. */
  nowMs(): number;
  /** A number from [0, 1). */
  random(): number;
  /** Wait for a number of seconds; reject with the signal's reason when it is aborted. */
  sleep(seconds: number, signal?: AbortSignal): Promise<void>;
}

/** The system's clock. */
export const systemClock: Clock = {
  nowMs: () => Date.now(),
  random: () => Math.random(),
  sleep: (seconds, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const abort = () => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", abort);
        resolve();
      }, seconds * 1000);
      signal?.addEventListener("abort", abort, { once: true });
    }),
};

/**
 * Return a new Idempotency-Key, a UUID of version 4.
 *
 * A key must be unique, not secret: where the platform has no `crypto.randomUUID` (Node.js 18, pages that are not
 * served by https), `Math.random` makes it.
 */
export function newKey(): string {
  if (globalThis.crypto?.randomUUID !== undefined) return globalThis.crypto.randomUUID();
  const digit = (values: number, first: number) => (Math.floor(Math.random() * values) + first).toString(16);
  return "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx".replace(/[xy]/g, (place) =>
    place === "x" ? digit(16, 0) : digit(4, 8),
  );
}
