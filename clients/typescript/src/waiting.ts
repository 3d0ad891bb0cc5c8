/** Waits until something has ended: by requests that wait for a job, or by reading at growing intervals. */
import type { Clock } from "./clock.js";
import { WaitTimeoutError } from "./errors.js";

const FIRST_SECONDS = 0.5;
const FACTOR = 1.5;
const LONGEST_SECONDS = 15;
/** Of jobs: a request that could wait is answered at its end, so one that may not is sent again soon. */
export const JOB_LONGEST_SECONDS = 2;
// An interval is between half of it and all of it, so that clients that began together do not read together.
const SHORTEST = 0.5;
/** How long a wait takes unless a call says otherwise, seconds. */
export const WAIT_SECONDS = 300;

/** How to wait. */
export interface WaitOptions {
  /** How long to wait, seconds. Default: 300. */
  timeoutSeconds?: number;
  /** Ends the wait with the signal's reason when it is aborted. */
  signal?: AbortSignal;
}

/**
 * Read something until it has ended, and return it.
 *
 * @param read reads it when so many seconds are left. It may wait; if it is answered earlier than after an interval,
 *   the rest of that is waited here.
 * @param restSeconds how long the API asks to wait before the next request; undefined: it does not.
 * @throws {WaitTimeoutError} it has not ended in time; it was read at least once.
 */
export async function waitUntil<T>(
  what: string,
  read: (leftSeconds: number) => Promise<T>,
  hasEnded: (value: T) => boolean,
  clock: Clock,
  options: WaitOptions = {},
  longestSeconds = LONGEST_SECONDS,
  restSeconds: (value: T) => number | undefined = () => undefined,
): Promise<T> {
  const { timeoutSeconds = WAIT_SECONDS, signal } = options;
  const untilMs = clock.nowMs() + timeoutSeconds * 1000;
  for (let interval = FIRST_SECONDS; ; interval = Math.min(longestSeconds, interval * FACTOR)) {
    const askedMs = clock.nowMs();
    const last = await read((untilMs - askedMs) / 1000);
    if (hasEnded(last)) return last;
    const nowMs = clock.nowMs();
    const left = (untilMs - nowMs) / 1000;
    // Also if the timeout is not a number.
    if (!(left > 0)) throw new WaitTimeoutError(`${what} has not ended within ${timeoutSeconds} s`, last);
    const spread = SHORTEST + (1 - SHORTEST) * clock.random();
    const asked = restSeconds(last);
    // What the API asks for is the least: up to twice as long.
    const rest = asked === undefined ? interval * spread - (nowMs - askedMs) / 1000 : 2 * asked * spread;
    if (rest > 0) await clock.sleep(Math.min(rest, left), signal);
  }
}
