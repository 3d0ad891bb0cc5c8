/** What needs attention first; then how the queues are, what happens now, and what it costs. */
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { DeadLetters, JobList, OperationList, PauseList, QueueList, ScheduleList, SubscriptionList, Usage } from "../../api/types.js";
import { compact, dollars, things } from "../../format/numbers.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { PageHead } from "../../shell/page-head.js";
import { Badge } from "../../ui/badge.js";
import { Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { attention } from "./attention.js";
import { Deployment } from "./deployment.js";

const LATEST = 12;

export default function OverviewPage() {
  const queues = useLive<QueueList>("queues", (etag) => read(api.GET("/queues", { headers: unlessSame(etag) })), "slow");
  const pauses = useLive<PauseList>("pauses", (etag) => read(api.GET("/pauses", { headers: unlessSame(etag) })), "slow");
  const dead = useLive<DeadLetters>("dead letters", (etag) => read(api.GET("/dead-letters", { headers: unlessSame(etag) })), "slow");
  const schedules = useLive<ScheduleList>("all schedules", (etag) => read(api.GET("/schedules", { params: { query: { limit: 200 } }, headers: unlessSame(etag) })), "slow");
  const subscriptions = useLive<SubscriptionList>("subscriptions", (etag) => read(api.GET("/subscriptions", { headers: unlessSame(etag) })), "slow");
  const operations = useLive<OperationList>("latest operations", (etag) => read(api.GET("/operations", { params: { query: { limit: LATEST } }, headers: unlessSame(etag) })), "slow");
  const latest = useLive<JobList>("latest", (etag) => read(api.GET("/jobs", { params: { query: { limit: LATEST } }, headers: unlessSame(etag) })));
  const usage = useLive<Usage>("usage", (etag) => read(api.GET("/usage", { headers: unlessSame(etag) })), "slow");
  const items = attention({ queues: queues.data, pauses: pauses.data, dead: dead.data, schedules: schedules.data, subscriptions: subscriptions.data, operations: operations.data });
  const isRead = queues.data && pauses.data && dead.data && schedules.data && subscriptions.data;
  return (
    <>
      <PageHead title="Overview" />
      <div class="stack">
        <section class="card" aria-label="Needs attention">
          <div class="card-head">
            <h2>Needs attention</h2>
          </div>
          {items.length ? (
            <ul class="attention">
              {items.map((item) => (
                <li key={item.text}>
                  <Badge state={item.word} tone={item.tone} />
                  <Link to={item.to}>{item.text}</Link>
                  {item.more ? <span class="muted small">{item.more}</span> : null}
                </li>
              ))}
            </ul>
          ) : isRead ? (
            <p class="card-body muted">Nothing: no dead jobs, no pauses, no schedule or subscription that fails.</p>
          ) : (
            <Loading lines={2} />
          )}
        </section>
        <div class="overview-columns">
          <section class="card" aria-label="Latest jobs">
            <div class="card-head">
              <h2>Latest jobs</h2>
              <Link class="row-end small" to={pathOf("jobs")}>
                All jobs
              </Link>
            </div>
            {latest.problem && !latest.data ? (
              <Failed problem={latest.problem} retry={latest.refresh} />
            ) : !latest.data ? (
              <Loading lines={8} />
            ) : latest.data.items.length ? (
              <Latest jobs={latest.data.items} />
            ) : (
              <p class="card-body muted">No jobs yet.</p>
            )}
          </section>
          <div class="stack overview-side">
            <section class="card" aria-label="Queues">
              <div class="card-head">
                <h2>Queues</h2>
              </div>
              {queues.data ? <Queues queues={queues.data} /> : queues.problem ? <Failed problem={queues.problem} /> : <Loading />}
            </section>
            {may("metrics:read") ? <Deployment /> : null}
            <section class="card" aria-label="Usage">
              <div class="card-head">
                <h2>This month</h2>
              </div>
              {usage.data ? <UsageFacts usage={usage.data} /> : usage.problem ? <Failed problem={usage.problem} /> : <Loading lines={3} />}
            </section>
          </div>
        </div>
      </div>
    </>
  );
}

function Latest({ jobs }: { jobs: JobList["items"] }) {
  return (
    <table class="table">
      <thead class="visually-hidden">
        <tr>
          <th scope="col">Type</th>
          <th scope="col">State</th>
          <th scope="col">Submitted</th>
        </tr>
      </thead>
      <tbody>
        {jobs.map((job) => (
          <tr key={job.id}>
            <td>
              <Link to={pathOf("jobs", job.id)}>{job.type}</Link>
            </td>
            <td>
              <Badge state={job.state} />
            </td>
            <td class="muted">
              <Time at={job.createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Queues({ queues }: { queues: QueueList }) {
  return (
    <table class="table">
      <thead class="visually-hidden">
        <tr>
          <th scope="col">Queue</th>
          <th scope="col">Waiting</th>
        </tr>
      </thead>
      <tbody>
        {queues.items.map((queue) => (
          <tr key={queue.name}>
            <td>
              <Link to={pathOf("queues")}>{queue.name}</Link>
            </td>
            <td class="cell-number">
              {queue.paused ? <Badge state="paused" /> : queue.depth === null ? <Badge state="active" /> : `${compact(queue.depth)} waiting`}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function UsageFacts({ usage }: { usage: Usage }) {
  const { total } = usage;
  return (
    <div class="card-body">
      <dl class="facts">
        <dt>Submitted</dt>
        <dd class="number">{things(total.submitted, "job")}</dd>
        <dt>Attempts</dt>
        <dd class="number">{compact(total.attempts)}</dd>
        <dt>Cost</dt>
        <dd class="number">{dollars(total.cost)}</dd>
        <dt>A million jobs</dt>
        <dd class="number">{total.costPerMillion === null ? "–" : dollars(total.costPerMillion)}</dd>
      </dl>
    </div>
  );
}
