/** Why attempts failed: the newest error with its stack and causes, and the ones before it. */
import type { Attempt, JobDetails } from "../../api/types.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { Time } from "../../ui/time.js";

export function ErrorCard({ job }: { job: JobDetails }) {
  const failed = job.attempts.filter(({ error }) => error !== null).reverse();
  const latest = failed[0]?.error ?? null;
  if (!latest && !job.error) return null;
  return (
    <section class="card" aria-label="Errors">
      <div class="card-head">
        <h2>{job.state === "succeeded" ? "Errors on the way" : "Error"}</h2>
        {job.error && job.state === "dead" ? (
          <Link class="row-end small" to={pathOf("dead-letters", null, new URLSearchParams({ group: job.error.fingerprint }))}>
            Others like it
          </Link>
        ) : null}
      </div>
      <div class="card-body stack">
        {failed.length ? failed.map((attempt, number) => <AttemptError key={attempt.attempt} attempt={attempt} isOpen={number === 0} />) : <Plain job={job} />}
      </div>
    </section>
  );
}

function Plain({ job }: { job: JobDetails }) {
  return job.error ? (
    <p class="wrap-anywhere">
      <strong>{job.error.type}</strong> {job.error.message}
    </p>
  ) : null;
}

function AttemptError({ attempt, isOpen }: { attempt: Attempt; isOpen: boolean }) {
  const { error } = attempt;
  if (!error) return null;
  return (
    <details class="failure" open={isOpen}>
      <summary>
        <span class="muted">Attempt {attempt.attempt}</span> <strong class="wrap-anywhere">{error.type}</strong>{" "}
        <span class="muted">
          <Time at={attempt.endedAt} />
        </span>
      </summary>
      <div class="stack-s">
        <p class="wrap-anywhere failure-message">{error.message}</p>
        {error.where ? (
          <p class="small">
            <span class="muted">at</span> <code class="wrap-anywhere">{error.where}</code>
          </p>
        ) : null}
        {error.causes.map((cause, number) => (
          <p key={number} class="small wrap-anywhere">
            <span class="muted">caused by</span> <strong>{cause.type}</strong> {cause.message} {cause.where ? <code>{cause.where}</code> : null}
          </p>
        ))}
        {error.stack.some((frame) => frame !== error.where) ? (
          <pre class="code" tabIndex={0} aria-label="Stack">
            {error.stack.join("\n")}
          </pre>
        ) : null}
      </div>
    </details>
  );
}
