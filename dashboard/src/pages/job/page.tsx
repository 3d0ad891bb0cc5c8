/** One job: why it has not run yet, when it will, and what one can do about it; then everything else about it. */
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { Explanation, JobDetails, JobEventList, JobLogs } from "../../api/types.js";
import { hasEnded } from "../../format/states.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { PageHead } from "../../shell/page-head.js";
import type { PageProps } from "../../shell/pages.js";
import { Badge } from "../../ui/badge.js";
import { Copy } from "../../ui/copy.js";
import { Failed, Loading, Notice } from "../../ui/states.js";
import { Actions } from "./actions.js";
import { Answer } from "./answer.js";
import { Data } from "./data.js";
import { ErrorCard } from "./error-card.js";
import { Facts } from "./facts.js";
import { History } from "./history.js";
import { Logs } from "./logs.js";
import { Members } from "./members.js";
import { Policy } from "./policy.js";
import { TimelineCard } from "./timeline-card.js";

const EVENTS = 200;

export default function JobPage({ parameter }: PageProps) {
  const id = parameter ?? "";
  const params = { path: { job_id: id } };
  const job = useLive<JobDetails>(`job ${id}`, (etag) => read(api.GET("/jobs/{job_id}", { params, headers: unlessSame(etag) })));
  const state = job.data?.state;
  // An end is final: why it came is asked for once. Before, the answer changes without the job: a pause, a backlog.
  const why = useLive<Explanation>(
    `explain ${id} ${state && hasEnded(state) ? job.version : ""}`,
    (etag) => read(api.GET("/jobs/{job_id}/explain", { params, headers: unlessSame(etag) })),
    state && hasEnded(state) ? "once" : "live",
  );
  // What happened changes with the job: it is read when the job has changed.
  const version = job.data ? String(job.version) : null;
  const events = useLive<JobEventList>(
    version && `events ${id} ${version}`,
    () => read(api.GET("/jobs/{job_id}/events", { params: { ...params, query: { limit: EVENTS } } })),
    "once",
  );
  const logs = useLive<JobLogs>(version && `logs ${id} ${version}`, () => read(api.GET("/jobs/{job_id}/logs", { params })), "once");

  if (!job.data || job.data.id !== id) {
    return (
      <>
        <PageHead title="Job" />
        <section class="card">{job.problem ? <Failed problem={job.problem} retry={job.refresh} /> : <Loading lines={10} />}</section>
      </>
    );
  }
  return (
    <>
      <nav class="small crumb" aria-label="Where this is">
        <Link to={pathOf("jobs")}>Jobs</Link>
      </nav>
      <PageHead title={job.data.type} badge={<Badge state={job.data.state} />}>
        <Actions job={job.data} />
      </PageHead>
      <p class="job-id">
        <code class="wrap-anywhere">{id}</code>
        <Copy text={id} what="the id" />
      </p>
      {job.problem ? <Notice tone="bad">{job.problem.detail}</Notice> : null}
      <div class="stack">
        <Answer job={job.data} why={why} />
        <TimelineCard job={job.data} events={events.data?.items ?? []} />
        <div class="job-columns">
          <div class="stack">
            <ErrorCard job={job.data} />
            <Data job={job.data} name="payload" />
            <Data job={job.data} name="result" />
            <Logs logs={logs} />
            <Members job={job.data} />
          </div>
          <div class="stack">
            <Facts job={job.data} />
            <Policy job={job.data} />
            <History events={events} />
          </div>
        </div>
      </div>
    </>
  );
}
