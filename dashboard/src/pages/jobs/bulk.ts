/** Actions on many jobs: a request each, a few at a time, with progress. Pure but for the requests. */
import { ApiError, asApiError } from "../../api/problems.js";

/** Requests under way at once: a page must not take the API's threads from others. */
export const AT_ONCE = 4;

export interface Outcome {
  done: number;
  failed: { id: string; problem: ApiError }[];
}

/**
 * Carry out an action on each job.
 *
 * @param ids of the jobs
 * @param act the action on one of them
 * @param progress is told after each
 * @param signal stops it: jobs not begun stay as they are
 */
export async function forEachJob(
  ids: readonly string[],
  act: (id: string) => Promise<unknown>,
  progress: (outcome: Outcome) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const outcome: Outcome = { done: 0, failed: [] };
  const waiting = [...ids];
  async function lane(): Promise<void> {
    for (let id = waiting.shift(); id !== undefined && !signal.aborted; id = waiting.shift()) {
      try {
        await act(id);
        outcome.done += 1;
      } catch (thrown) {
        outcome.failed.push({ id, problem: asApiError(thrown) });
      }
      progress({ done: outcome.done, failed: [...outcome.failed] });
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return outcome;
}

/** Whether an action can do anything for a job in a state. */
export const FITS: Record<BulkAction, ReadonlySet<string>> = {
  cancel: new Set(["scheduled", "queued", "waiting", "running"]),
  redrive: new Set(["dead", "cancelled", "expired"]),
  "run-now": new Set(["scheduled"]),
  erase: new Set(["succeeded", "dead", "cancelled", "expired"]),
};

export type BulkAction = "cancel" | "redrive" | "run-now" | "erase";
