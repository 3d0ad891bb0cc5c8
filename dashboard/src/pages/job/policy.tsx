/** The policy that applies to the job, each value with the layer that set it. */
import type { JobDetails } from "../../api/types.js";
import { duration } from "../../format/times.js";

interface Sourced {
  value: unknown;
  source: string;
}

export function Policy({ job }: { job: JobDetails }) {
  const { effective } = job;
  const seconds = (sourced: { value: number; source: string }): Sourced => ({ ...sourced, value: duration(sourced.value * 1000) });
  const rows: [string, Sourced][] = [
    ["Attempts", effective.maxAttempts],
    ["First retry after", seconds(effective.backoff.baseSeconds)],
    ["Each wait longer by", { ...effective.backoff.factor, value: `× ${effective.backoff.factor.value}` }],
    ["Longest wait", seconds(effective.backoff.capSeconds)],
    ["Jitter", effective.backoff.jitter],
    ["Timeout", seconds(effective.timeoutSeconds)],
    ["Lease", seconds(effective.leaseSeconds)],
    ["Kept after its end", seconds(effective.retentionSeconds)],
    ["Never retried", { ...effective.neverRetry, value: effective.neverRetry.value.join(", ") || "–" }],
  ];
  return (
    <section class="card" aria-label="Policy">
      <div class="card-head">
        <h2>Policy</h2>
        <span class="muted small row-end">
          profile {job.profile}
          {job.profileVersion === null ? "" : `, version ${job.profileVersion}`}
          {job.followProfile ? ", follows it" : ""}
        </span>
      </div>
      <table class="table policy">
        <thead class="visually-hidden">
          <tr>
            <th scope="col">What</th>
            <th scope="col">Value</th>
            <th scope="col">Set by</th>
          </tr>
        </thead>
        <tbody>
          {rows.map(([name, { value, source }]) => (
            <tr key={name}>
              <td class="muted">{name}</td>
              <td class="cell-wrap number">{String(value)}</td>
              <td class="muted small">{source}</td>
            </tr>
          ))}
          {job.limits ? (
            <tr>
              <td class="muted">Limits</td>
              <td class="cell-wrap" colSpan={2}>
                {job.limits.concurrency ? `${job.limits.concurrency} at once ` : ""}
                {job.limits.ratePerSecond ? `${job.limits.ratePerSecond} a second ` : ""}
                {job.limits.key ? `by ${job.limits.key}` : ""}
              </td>
            </tr>
          ) : null}
        </tbody>
      </table>
    </section>
  );
}
