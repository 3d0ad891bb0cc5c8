/** How often what is on the screen is read again. Pure; dashboard/README.md has the resulting requests per minute. */
import { MINUTE_MS, SECOND_MS } from "../format/times.js";

/** Between two polls of a page that somebody looks at. */
export const LIVE_MS = 3 * SECOND_MS;
/** After this time without a key, a click or a scroll, nobody seems to look. */
export const IDLE_AFTER_MS = MINUTE_MS;
const IDLE_MS = 15 * SECOND_MS;
/** After this time a page was left open. */
const LEFT_AFTER_MS = 15 * MINUTE_MS;
const LEFT_MS = MINUTE_MS;
const FAILED_MOST_MS = MINUTE_MS;

export interface Circumstances {
  /** The page is in a tab that is not shown. */
  hidden: boolean;
  /** Since the last sign of a reader, ms. */
  idleMs: number;
  /** Polls in a row that failed. */
  failures: number;
}

/** Return when to poll next, in ms from now; null for not before the page is shown again. */
export function delay({ hidden, idleMs, failures }: Circumstances): number | null {
  if (hidden) return null;
  const usual = idleMs < IDLE_AFTER_MS ? LIVE_MS : idleMs < LEFT_AFTER_MS ? IDLE_MS : LEFT_MS;
  return failures ? Math.min(Math.max(usual, LIVE_MS * 2 ** failures), FAILED_MOST_MS) : usual;
}

/** How a resource takes part: at each poll, at each fifth one, or only when it is asked for. */
export type Pace = "live" | "slow" | "once";

const EVERY: Record<Pace, number> = { live: 1, slow: 5, once: Number.POSITIVE_INFINITY };

/** Return whether a resource is read at a poll. */
export function takesPart(pace: Pace, pollsSinceRead: number): boolean {
  return pollsSinceRead >= EVERY[pace];
}
