/** Times in words: relative to now, and absolute in the reader's zone or in UTC. Nothing here reads a clock. */

export const SECOND_MS = 1000;
export const MINUTE_MS = 60 * SECOND_MS;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;

/** In which zone absolute times are shown. */
export type Zone = "local" | "utc";

/** Read a time of the API, ms since 1970; null for none, or for a text that is no time. */
export function instant(text: unknown): number | null {
  if (typeof text !== "string") return null;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? null : ms;
}

/** Write a length of time in at most two units, as in `1 h 5 min`; below 10 s with a decimal, below 1 s in ms. */
export function duration(ms: number): string {
  const size = Math.abs(ms);
  if (size < SECOND_MS) return `${Math.round(size)} ms`;
  if (size < 10 * SECOND_MS) return `${trimmed(size / SECOND_MS)} s`;
  if (size < MINUTE_MS) return `${Math.floor(size / SECOND_MS)} s`;
  if (size < HOUR_MS) return pair(size, MINUTE_MS, "min", SECOND_MS, "s");
  if (size < DAY_MS) return pair(size, HOUR_MS, "h", MINUTE_MS, "min");
  return pair(size, DAY_MS, "d", HOUR_MS, "h");
}

function trimmed(value: number): string {
  return (Math.floor(value * 10) / 10).toString();
}

function pair(ms: number, unitMs: number, unit: string, restMs: number, rest: string): string {
  const whole = Math.floor(ms / unitMs);
  const left = Math.floor((ms % unitMs) / restMs);
  return left ? `${whole} ${unit} ${left} ${rest}` : `${whole} ${unit}`;
}

/** Write a time relative to now, as in `in 3 min` or `2 h ago`: one unit, enough to be read at a glance. */
export function relative(atMs: number, nowMs: number): string {
  const size = Math.abs(atMs - nowMs);
  if (size < SECOND_MS) return "now";
  const text = oneUnit(size);
  return atMs > nowMs ? `in ${text}` : `${text} ago`;
}

function oneUnit(ms: number): string {
  if (ms < MINUTE_MS) return `${Math.floor(ms / SECOND_MS)} s`;
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min`;
  if (ms < 2 * DAY_MS) return `${Math.floor(ms / HOUR_MS)} h`;
  return `${Math.floor(ms / DAY_MS)} d`;
}

const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(zone: Zone, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone} ${JSON.stringify(options)}`;
  let format = formats.get(key);
  if (!format) {
    // Sweden's dates are those of ISO 8601, which every reader knows.
    const zoned = zone === "utc" ? { ...options, timeZone: "UTC" } : options;
    format = new Intl.DateTimeFormat("sv-SE", { hourCycle: "h23", ...zoned });
    formats.set(key, format);
  }
  return format;
}

/** Write an absolute time to the second, as in `2026-11-28 14:05:09`; in UTC with a `Z`. */
export function absolute(atMs: number, zone: Zone): string {
  const text = formatOf(zone, {
    year: "numeric",
    month: "2-digit",
    day: "2-digit",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
  }).format(atMs);
  return zone === "utc" ? `${text}Z` : text;
}

/** Write an absolute time as short as it is clear: without the date if that is the one of `nowMs`. */
export function short(atMs: number, nowMs: number, zone: Zone): string {
  const whole = absolute(atMs, zone);
  return whole.slice(0, 10) === absolute(nowMs, zone).slice(0, 10) ? whole.slice(11) : whole;
}

/** Return what a field of type `datetime-local` holds for a time, to the second. */
export function toField(atMs: number, zone: Zone): string {
  return absolute(atMs, zone).slice(0, 19).replace(" ", "T");
}

/** Read a field of type `datetime-local`, ms since 1970; null if it is empty. */
export function fromField(text: string, zone: Zone): number | null {
  if (!text) return null;
  return instant(zone === "utc" ? `${text}Z` : text);
}
