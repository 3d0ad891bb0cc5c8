/** When the clocks of a time zone change next. Pure. */
import { DAY_MS, MINUTE_MS } from "../../format/times.js";

/** Zones without summer time have no change; others have one within this time. */
const LOOKED_AT_MS = 370 * DAY_MS;

/** Return how far a zone's clocks are ahead of UTC at a time, in ms. Throws a RangeError for an unknown zone. */
export function offsetOf(zone: string, atMs: number): number {
  const parts = new Intl.DateTimeFormat("en-US", {
    timeZone: zone,
    hourCycle: "h23",
    year: "numeric",
    month: "numeric",
    day: "numeric",
    hour: "numeric",
    minute: "numeric",
    second: "numeric",
  }).formatToParts(atMs);
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts.find((each) => each.type === type)?.value ?? 0);
  const shown = Date.UTC(part("year"), part("month") - 1, part("day"), part("hour"), part("minute"), part("second"));
  return shown - Math.floor(atMs / 1000) * 1000;
}

/** Return the first minute after a change of clocks, ms UTC; null if there is none within a year, or no such zone. */
export function nextClockChange(zone: string, fromMs: number): number | null {
  try {
    const before = offsetOf(zone, fromMs);
    for (let day = fromMs + DAY_MS; day <= fromMs + LOOKED_AT_MS; day += DAY_MS) {
      if (offsetOf(zone, day) !== before) return narrowed(zone, before, day - DAY_MS, day);
    }
  } catch {
    // No such zone: the preview says so.
  }
  return null;
}

function narrowed(zone: string, before: number, low: number, high: number): number {
  let [from, to] = [Math.floor(low / MINUTE_MS), Math.ceil(high / MINUTE_MS)];
  while (to - from > 1) {
    const middle = Math.floor((from + to) / 2);
    if (offsetOf(zone, middle * MINUTE_MS) === before) from = middle;
    else to = middle;
  }
  return to * MINUTE_MS;
}
