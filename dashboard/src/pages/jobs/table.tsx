/** Rows of jobs. */
import type { Job } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { hasEnded } from "../../format/states.js";
import { duration, instant } from "../../format/times.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { now } from "../../shell/clock.js";
import { Badge } from "../../ui/badge.js";
import { Time } from "../../ui/time.js";

interface TableProps {
  jobs: readonly Job[];
  selected: ReadonlySet<string>;
  select: (ids: ReadonlySet<string>) => void;
  /** The rows are of the filter before. */
  stale: boolean;
}

export function JobTable({ jobs, selected, select, stale }: TableProps) {
  const all = jobs.length > 0 && jobs.every(({ id }) => selected.has(id));
  return (
    <table class="table table-cards job-table" data-stale={stale}>
      <thead>
        <tr>
          <th class="cell-check" scope="col">
            <input
              type="checkbox"
              class="checkbox"
              aria-label="Select all jobs of the page"
              checked={all}
              onChange={() => select(new Set(all ? [] : jobs.map(({ id }) => id)))}
            />
          </th>
          <th scope="col" class="column-type">Type</th>
          <th scope="col" class="column-state">State</th>
          <th scope="col">What happens</th>
          <th scope="col" class="column-attempt">Attempt</th>
          <th scope="col" class="column-queue">Queue</th>
          <th scope="col" class="column-time">Submitted</th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job, number) => (
          <tr key={job.id} data-row={number} data-selected={selected.has(job.id)}>
            <td class="cell-check">
              <input
                type="checkbox"
                class="checkbox"
                aria-label={`Select ${job.type} ${job.id}`}
                checked={selected.has(job.id)}
                onChange={() => select(toggled(selected, job.id))}
              />
            </td>
            <th scope="row" class="column-type">
              <Link to={pathOf("jobs", job.id)}>{job.type}</Link>
              <Tags tags={job.tags} />
            </th>
            <td class="column-state">
              <Badge state={job.state} />
            </td>
            <td class="column-what">
              <What job={job} />
            </td>
            <td class="column-attempt number">
              {job.attempt} of {job.maxAttempts}
            </td>
            <td class="column-queue">{job.queue ?? job.priority}</td>
            <td class="column-time">
              <Time at={job.createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function toggled(selected: ReadonlySet<string>, id: string): ReadonlySet<string> {
  const next = new Set(selected);
  if (!next.delete(id)) next.add(id);
  return next;
}

function Tags({ tags }: { tags: Job["tags"] }) {
  const entries = Object.entries(tags);
  return entries.length ? (
    <span class="tags">
      {entries.slice(0, 1).map(([name, value]) => (
        <span class="tag" key={name} title={`${name}:${String(value)}`}>
          {name}:{String(value)}
        </span>
      ))}
      {entries.length > 1 ? <span class="muted small">+{entries.length - 1}</span> : null}
    </span>
  ) : null;
}

/** The one thing that matters of a job in its state. */
function What({ job }: { job: Job }) {
  if (job.state === "dead" && job.error) {
    return (
      <span title={`${job.error.type}: ${job.error.message}`}>
        {job.error.type}: <span class="muted">{job.error.message}</span>
      </span>
    );
  }
  if (job.state === "running") return <span>{job.cancelRequested ? "Cancel asked for; r" : "R"}unning since <Time at={job.startedAt} form="absolute" /></span>;
  if (job.state === "waiting") return <span>Waits for {job.unmetDependencies ? things(job.unmetDependencies, "job") : "other jobs"}</span>;
  if (job.state === "expired") return <span>Expired <Time at={job.finishedAt} /><span class="muted"> · it had not begun</span></span>;
  if (hasEnded(job.state)) return <Ended job={job} />;
  return (
    <span>
      {job.attempt ? "Next attempt " : "Due "}
      <Time at={job.dueAt} />
      {job.error ? <span class="muted"> · {job.error.type}</span> : null}
      {job.expiresAt ? <span class="muted"> · expires <Time at={job.expiresAt} /></span> : null}
    </span>
  );
}

function Ended({ job }: { job: Job }) {
  const from = instant(job.startedAt);
  const to = instant(job.finishedAt);
  return (
    <span>
      Ended <Time at={job.finishedAt} />
      {from !== null && to !== null && now.value ? <span class="muted"> · took {duration(to - from)}</span> : null}
    </span>
  );
}
