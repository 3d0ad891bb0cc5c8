/** The figures of a deployment, from its counters: in all, or between two readings of them. Pure. */
import type { Sample } from "./exposition.js";

export interface Figures {
  submitted: number;
  /** Jobs that ended, by state. */
  ended: Readonly<Record<string, number>>;
  attempts: number;
  failed: number;
  /** Seconds by which half, and all but a hundredth, of the attempts started late at most; null for none. */
  late50: number | null;
  late99: number | null;
}

const LATENESS = "whendue_lateness_seconds_bucket";
/** Deliveries of notifications have a page of their own. */
const DELIVERIES = "notifications";

/**
 * Return the figures of the time between two readings.
 *
 * @param now the later reading
 * @param before the earlier one; null for the beginning of the counters
 */
export function figuresOf(now: readonly Sample[], before: readonly Sample[] | null): Figures {
  const sum = (name: string, by?: string): Map<string, number> => {
    const sums = summed(now, name, by);
    // A counter that is lower than before was begun again: what it shows now is all that is known.
    for (const [key, value] of before ? summed(before, name, by) : []) sums.set(key, Math.max((sums.get(key) ?? 0) - value, 0));
    return sums;
  };
  const only = (name: string): number => sum(name).get("") ?? 0;
  const buckets = [...sum(LATENESS, "le")].map(([le, count]): [number, number] => [le === "+Inf" ? Number.POSITIVE_INFINITY : Number(le), count]);
  return {
    submitted: only("whendue_jobs_submitted_total"),
    ended: Object.fromEntries(sum("whendue_jobs_ended_total", "state")),
    attempts: only("whendue_attempts_total"),
    failed: only("whendue_attempts_failed_total"),
    late50: quantile(buckets, 0.5),
    late99: quantile(buckets, 0.99),
  };
}

function summed(samples: readonly Sample[], name: string, by: string | undefined): Map<string, number> {
  const sums = new Map<string, number>();
  for (const { labels, value } of samples.filter((each) => each.name === name && each.labels["queue"] !== DELIVERIES)) {
    const key = by ? (labels[by] ?? "") : "";
    sums.set(key, (sums.get(key) ?? 0) + value);
  }
  return sums;
}

/** Return a quantile of a cumulative histogram, as Prometheus' histogram_quantile: linear within a bucket. */
export function quantile(buckets: readonly (readonly [bound: number, count: number])[], share: number): number | null {
  const sorted = [...buckets].sort(([one], [other]) => one - other);
  const all = sorted.at(-1)?.[1] ?? 0;
  if (!all) return null;
  let [low, below] = [0, 0];
  for (const [bound, count] of sorted) {
    // Of what is above the last bound, that bound is all that is known.
    if (count >= share * all) return bound === Number.POSITIVE_INFINITY ? low : low + ((bound - low) * (share * all - below)) / Math.max(count - below, 1);
    [low, below] = [bound, count];
  }
  return low;
}
