/** Cuts jobs into batches that the API takes: pure. */
import type { BatchJob } from "./types.js";

// What `POST /jobs/batch` takes (docs/reference/quotas.md), with room for the frame around the jobs.
const BATCH_JOBS = 500;
const BATCH_BYTES = 5 * 1024 * 1024 - 1024;

/**
 * Cut jobs into batches.
 *
 * @throws {TypeError} jobs with a `ref` do not fit into one batch.
 */
export function batchesOf(jobs: readonly BatchJob[]): BatchJob[][] {
  const encoder = new TextEncoder();
  const batches: BatchJob[][] = [];
  let size = 0;
  for (const job of jobs) {
    const bytes = encoder.encode(JSON.stringify(job)).byteLength + 1;
    const last = batches.at(-1);
    if (last === undefined || last.length === BATCH_JOBS || size + bytes > BATCH_BYTES) {
      batches.push([job]);
      size = bytes;
    } else {
      last.push(job);
      size += bytes;
    }
  }
  if (batches.length > 1 && jobs.some((job) => job.ref !== undefined)) {
    throw new TypeError(`jobs with a ref must fit into one batch of ${BATCH_JOBS} jobs and ${BATCH_BYTES} bytes`);
  }
  return batches;
}
