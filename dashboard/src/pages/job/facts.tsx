/** What the job is: its times, its place, and what it belongs to. */
import type { JobDetails } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { hasEnded } from "../../format/states.js";
import { duration } from "../../format/times.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { CopyJson, Json } from "../../ui/json-view.js";
import { Time } from "../../ui/time.js";

export function Facts({ job }: { job: JobDetails }) {
  return (
    <section class="card" aria-label="About">
      <div class="card-head">
        <h2>About</h2>
      </div>
      <div class="card-body stack">
        <dl class="facts">
          <dt>Attempt</dt>
          <dd>
            {job.attempt} of {job.maxAttempts}
            {job.lost ? `, ${job.lost} lost with their workers` : ""}
          </dd>
          <dt>Queue</dt>
          <dd>{job.queue ?? job.priority}</dd>
          <dt>Submitted</dt>
          <dd>
            <Time at={job.createdAt} form="both" />
          </dd>
          <dt>{hasEnded(job.state) ? "Last due" : "Due"}</dt>
          <dd>
            <Time at={job.dueAt} form="both" />
          </dd>
          <dt>Started</dt>
          <dd>
            <Time at={job.startedAt} form="both" />
          </dd>
          <dt>Ended</dt>
          <dd>
            <Time at={job.finishedAt} form="both" />
          </dd>
          {job.expiresAt ? (
            <>
              <dt>{job.state === "expired" ? "Expired" : "Expires"}</dt>
              <dd>
                <Time at={job.expiresAt} form="both" />
              </dd>
            </>
          ) : job.expiresSeconds ? (
            <>
              <dt>Expires</dt>
              <dd>{duration(job.expiresSeconds * 1000)} after it is due</dd>
            </>
          ) : null}
          {job.unique ? <UniqueKey unique={job.unique} /> : null}
          <dt>Tenant</dt>
          <dd>
            {job.tenant}
            {job.group ? ` / ${job.group}` : ""}
          </dd>
          <Belongs job={job} />
        </dl>
        {job.progress !== null && job.progress !== undefined ? (
          <div class="stack-s">
            <h3 class="row">
              Progress <CopyJson value={job.progress} what="the progress" />
            </h3>
            <Json value={job.progress} what="Progress" />
          </div>
        ) : null}
      </div>
    </section>
  );
}

const SCOPES: Record<string, string> = {
  pending: "until it begins",
  running: "until it ends",
  until_success: "until it succeeds",
  for_seconds: "for a time",
};

function UniqueKey({ unique }: { unique: NonNullable<JobDetails["unique"]> }) {
  return (
    <>
      <dt>Unique key</dt>
      <dd>
        <code class="wrap-anywhere">{unique.keyId}</code>
        <br />
        {unique.held ? "held" : "no longer held; it was"} {SCOPES[unique.scope] ?? unique.scope}
        {unique.held ? (
          <>
            , at most until <Time at={unique.heldUntil} form="absolute" />
          </>
        ) : null}
        {unique.latestDueAt ? (
          <>
            ; postponed at most until <Time at={unique.latestDueAt} form="absolute" />
          </>
        ) : null}
        {unique.firstSubmittedAt ? (
          <>
            ; first asked for <Time at={unique.firstSubmittedAt} form="absolute" />
          </>
        ) : null}
        {unique.replacedId ? (
          <>
            ; it replaced{" "}
            <Link to={pathOf("jobs", unique.replacedId)}>
              <code class="wrap-anywhere">{unique.replacedId}</code>
            </Link>
          </>
        ) : null}
      </dd>
    </>
  );
}

function Belongs({ job }: { job: JobDetails }) {
  return (
    <>
      {job.schedule ? (
        <>
          <dt>Schedule</dt>
          <dd>
            <Link to={pathOf("schedules", job.schedule)}>{job.schedule}</Link>
            {job.nominalAt ? (
              <span class="muted">
                , fire of <Time at={job.nominalAt} form="absolute" />
              </span>
            ) : null}
          </dd>
        </>
      ) : null}
      {job.parentId ? (
        <>
          <dt>Part of</dt>
          <dd>
            <Link to={pathOf("jobs", job.parentId)}>
              <code>{job.parentId}</code>
            </Link>
            {job.node ? `, node ${job.node}` : ""}
          </dd>
        </>
      ) : null}
      {job.unmetDependencies ? (
        <>
          <dt>Waits for</dt>
          <dd>{things(job.unmetDependencies, "job")}</dd>
        </>
      ) : null}
      {Object.keys(job.tags).length ? (
        <>
          <dt>Tags</dt>
          <dd class="row">
            {Object.entries(job.tags).map(([name, value]) => (
              <Link key={name} class="tag" to={pathOf("jobs", null, new URLSearchParams({ tag: `${name}:${String(value)}` }))}>
                {name}:{String(value)}
              </Link>
            ))}
          </dd>
        </>
      ) : null}
      {job.notify?.length ? (
        <>
          <dt>Notifies</dt>
          <dd>{job.notify.join(", ")}</dd>
        </>
      ) : null}
      {job.subscription ? (
        <>
          <dt>Delivery of</dt>
          <dd>
            <Link to={pathOf("notifications", job.subscription)}>{job.subscription}</Link>
          </dd>
        </>
      ) : null}
      {job.traceparent ? (
        <>
          <dt>Trace</dt>
          <dd>
            <code>{job.traceparent}</code>
          </dd>
        </>
      ) : null}
    </>
  );
}
