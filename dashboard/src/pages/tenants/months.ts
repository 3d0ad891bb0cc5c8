/** Months of UTC, as usage is counted in them. Pure. */

/** Return the month of a time and those before it, the newest first, as in `2026-11`. */
export function monthsUntil(nowMs: number, number: number): string[] {
  const now = new Date(nowMs);
  return Array.from({ length: number }, (_, back) => new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() - back, 1)).toISOString().slice(0, 7));
}

/** Return the part of a whole in percent; empty where there is no whole. */
export function share(part: number, whole: number): string {
  return whole > 0 ? `${Math.round((100 * part) / whole)} %` : "";
}
