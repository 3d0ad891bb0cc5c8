/** How far a backfill is, on the line from its first to its last nominal time. Pure. */
import type { Backfill } from "../../api/types.js";
import { instant } from "../../format/times.js";
import { count, things } from "../../format/numbers.js";

/** Return the part of its range that is done, from 0 to 1. */
export function doneOf({ state, from, to, reached }: Pick<Backfill, "state" | "from" | "to" | "reached">): number {
  if (state === "finished") return 1;
  const [first, last, at] = [instant(from), instant(to), instant(reached)];
  if (first === null || last === null || at === null || last <= first) return 0;
  return Math.min(Math.max((at - first) / (last - first), 0), 1);
}

/** Return what it has done so far, in words. */
export function outcomeOf({ createdJobs, skippedFires }: Pick<Backfill, "createdJobs" | "skippedFires">): string {
  return `${things(createdJobs, "job")} created${skippedFires ? `, ${count(skippedFires)} fires had one already` : ""}`;
}

/** Return what is wrong with a range; null if nothing is. */
export function wrongRange(from: number | null, to: number | null, nowMs: number): string | null {
  if (from === null || to === null) return "Both times are needed.";
  if (from > to) return "It ends before it begins.";
  return from > nowMs ? "It begins in the future: those fires come by themselves." : null;
}
