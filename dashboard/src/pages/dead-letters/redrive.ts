/** Redrives page by page, until there is no cursor. Pure but for the requests. */
import type { Redriven } from "../../api/types.js";

export type Redrive = (body: { cursor?: string; dryRun?: boolean; limit?: number; ratePerSecond?: number }) => Promise<Redriven>;

/**
 * Run all jobs of a group again.
 *
 * @param redrive carries out a page
 * @param rate how many start a second; null for all at once
 * @param progress is told after each page
 * @param signal stops between two pages
 */
export async function inPages(
  redrive: Redrive,
  rate: number | null,
  progress: (sum: { redriven: number; failed: number }) => void,
  signal: AbortSignal,
): Promise<void> {
  const sum = { redriven: 0, failed: 0 };
  progress({ ...sum });
  let cursor: string | null = null;
  do {
    const page: Redriven = await redrive({ ...(cursor ? { cursor } : {}), ...(rate ? { ratePerSecond: rate } : {}) });
    sum.redriven += page.redriven.length;
    sum.failed += page.failed.length;
    progress({ ...sum });
    cursor = page.cursor;
  } while (cursor && !signal.aborted);
}
