/** The time of the page: one clock that ticks each second for all that shows a time, and the zone that it is shown in. */
import { signal } from "@preact/signals";
import type { Zone } from "../format/times.js";

const STORED = "whendue.zone";

export const now = signal(Date.now());
setInterval(() => {
  if (!document.hidden) now.value = Date.now();
}, 1000);

/** In which zone absolute times are shown. */
export const zone = signal<Zone>(localStorage.getItem(STORED) === "utc" ? "utc" : "local");

/** Show times in the other zone. */
export function toggleZone(): void {
  zone.value = zone.value === "utc" ? "local" : "utc";
  localStorage.setItem(STORED, zone.value);
}
