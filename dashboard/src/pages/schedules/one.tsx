/** One schedule: its next fires, its past ones by outcome, and what can be done with it. */
import { useState } from "preact/hooks";
import { api, done, read, unlessSame } from "../../api/client.js";
import { refreshAll, useLive } from "../../api/live.js";
import type { FireList, Preview, Schedule } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { toneOf } from "../../format/states.js";
import { duration, fromField } from "../../format/times.js";
import { pathOf } from "../../routing/paths.js";
import { go, Link } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { zone } from "../../shell/clock.js";
import { PageHead } from "../../shell/page-head.js";
import type { PageProps } from "../../shell/pages.js";
import { Badge } from "../../ui/badge.js";
import { Confirm } from "../../ui/dialog.js";
import { Input } from "../../ui/field.js";
import { CopyJson, Json } from "../../ui/json-view.js";
import { Failed, Loading, Notice } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { toast } from "../../ui/toasts.js";
import { Backfills } from "./backfills.js";
import { Editor } from "./editor.js";
import { NextFires } from "./next-fires.js";
import { rhythm } from "./rhythm.js";

const FIRES = 50;
const NEXT = 10;

export default function SchedulePage({ parameter }: PageProps) {
  const name = parameter ?? "";
  const params = { path: { name } };
  const schedule = useLive<Schedule>(`schedule ${name}`, () => read(api.GET("/schedules/{name}", { params })), "slow");
  const next = useLive<Preview>(`preview ${name}`, (etag) => read(api.GET("/schedules/{name}/preview", { params: { ...params, query: { limit: NEXT } }, headers: unlessSame(etag) })), "slow");
  const fires = useLive<FireList>(`fires ${name}`, (etag) => read(api.GET("/schedules/{name}/fires", { params: { ...params, query: { limit: FIRES } }, headers: unlessSame(etag) })), "slow");
  if (!schedule.data) {
    return (
      <>
        <PageHead title={name} />
        <section class="card">{schedule.problem ? <Failed problem={schedule.problem} retry={schedule.refresh} /> : <Loading />}</section>
      </>
    );
  }
  const { data } = schedule;
  return (
    <>
      <nav class="small crumb" aria-label="Where this is">
        <Link to={pathOf("schedules")}>Schedules</Link>
      </nav>
      <PageHead title={data.name} badge={<Badge state={data.state} />}>
        <ScheduleActions schedule={data} />
      </PageHead>
      <div class="stack">
        {data.lastError ? <Notice tone="bad">The last fires created no job: {data.lastError}</Notice> : null}
        {data.paused ? (
          <Notice tone="warn">
            Paused{data.paused.by ? ` by ${data.paused.by}` : " after too many failures"}
            {data.paused.reason ? `: ${data.paused.reason}` : ""}. It fires again{" "}
            {data.paused.until ? <Time at={data.paused.until} form="both" /> : "once it is resumed"}.
          </Notice>
        ) : null}
        <div class="job-columns">
          <div class="stack">
            <section class="card" aria-label="Past fires">
              <div class="card-head">
                <h2>Past fires</h2>
                <Link class="row-end small" to={pathOf("jobs", null, new URLSearchParams({ schedule: name }))}>
                  Its jobs
                </Link>
              </div>
              {fires.data ? <Fires fires={fires.data.items} /> : fires.problem ? <Failed problem={fires.problem} /> : <Loading />}
            </section>
            <Backfills name={name} />
            <section class="card" aria-label="What it runs">
              <div class="card-head">
                <h2>What it runs</h2>
                <span class="row-end">
                  <CopyJson value={data.job ?? data.workflow} what="the template" />
                </span>
              </div>
              <div class="card-body">
                <Json value={data.job ?? data.workflow} what="Template" />
              </div>
            </section>
          </div>
          <div class="stack">
            <section class="card" aria-label="Next fires">
              <div class="card-head">
                <h2>Next fires</h2>
                <span class="muted small wrap-anywhere">{rhythm(data)}</span>
              </div>
              {next.data ? <NextFires items={next.data.items} zoneName={data.timezone} /> : next.problem ? <Failed problem={next.problem} /> : <Loading />}
            </section>
            <section class="card" aria-label="Settings">
              <div class="card-head">
                <h2>Settings</h2>
              </div>
              <div class="card-body">
                <dl class="facts">
                  <dt>Misfires</dt>
                  <dd>{misfireText(data.misfire)}</dd>
                  <dt>Overlap</dt>
                  <dd>{data.overlap}</dd>
                  <dt>Jitter</dt>
                  <dd>{data.jitterSeconds ? `up to ${duration(data.jitterSeconds * 1000)}, ${data.jitterPer === "fire" ? "for each fire anew" : "the same for all fires"}` : "none"}</dd>
                  {data.everyWeeks ? (
                    <>
                      <dt>Weeks</dt>
                      <dd>
                        every {data.everyWeeks}
                        {data.anchor ? `, counted from the week of ${data.anchor}` : ""}
                      </dd>
                    </>
                  ) : null}
                  {data.expires ? (
                    <>
                      <dt>Its jobs expire</dt>
                      <dd>{data.expires === "next_fire" ? "at the next fire" : data.expires}</dd>
                    </>
                  ) : null}
                  {data.pauseAfterFailures ? (
                    <>
                      <dt>Pauses after</dt>
                      <dd>{things(data.pauseAfterFailures, "dead fire")} in a row</dd>
                    </>
                  ) : null}
                  {typeof data.removeAfterSeconds !== "number" ? null : (
                    <>
                      <dt>Removed</dt>
                      <dd>{duration(data.removeAfterSeconds * 1000)} after it has ended</dd>
                    </>
                  )}
                  <dt>Runs left</dt>
                  <dd>{data.remainingRuns ?? "no maximum"}</dd>
                  <dt>Changed</dt>
                  <dd>
                    <Time at={data.updatedAt} form="both" />
                  </dd>
                </dl>
              </div>
            </section>
          </div>
        </div>
      </div>
    </>
  );
}

function misfireText({ policy, maxAgeSeconds }: Schedule["misfire"]): string {
  return maxAgeSeconds ? `${policy}, none older than ${duration(maxAgeSeconds * 1000)}` : policy;
}

function Fires({ fires }: { fires: FireList["items"] }) {
  if (!fires.length) return <p class="card-body muted">It has not fired yet.</p>;
  return (
    <>
      <FireStrip fires={fires} />
      <FireTable fires={fires} />
    </>
  );
}

/** The fires side by side, the newest at the end: a pattern shows at a glance. The table below has the same in words. */
function FireStrip({ fires }: { fires: FireList["items"] }) {
  return (
    <ol class="fire-strip" aria-hidden="true">
      {[...fires].reverse().map((fire, number) => (
        <li key={number} class={`fire-cell fire-${toneOf(fire.job?.state === "dead" ? "dead" : fire.outcome)}`} title={`${fire.nominalAt ?? fire.decidedAt}: ${fire.outcome}${fire.job?.state ? `, ${fire.job.state}` : ""}`} />
      ))}
    </ol>
  );
}

function FireTable({ fires }: { fires: FireList["items"] }) {
  return (
    <table class="table table-cards fire-table">
      <thead>
        <tr>
          <th scope="col">Fire</th>
          <th scope="col">Outcome</th>
          <th scope="col">Job</th>
          <th scope="col">Late by</th>
        </tr>
      </thead>
      <tbody>
        {fires.map((fire, number) => (
          <tr key={`${fire.nominalAt ?? fire.decidedAt} ${number}`}>
            <td>
              <Time at={fire.nominalAt ?? fire.decidedAt} form="absolute" />
            </td>
            <td class="cell-wrap">
              <Badge state={fire.outcome} />
              {fire.by || fire.reason ? (
                <div class="small muted">
                  {fire.by ? `by ${fire.by}` : ""}
                  {fire.by && fire.reason ? ": " : ""}
                  {fire.reason}
                </div>
              ) : null}
            </td>
            <td>{fire.job ? <Link to={pathOf("jobs", fire.job.id)}>{fire.job.state ?? "gone"}</Link> : "–"}</td>
            <td class="number">{typeof fire.latenessSeconds !== "number" ? "–" : duration(fire.latenessSeconds * 1000)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

type Action = "edit" | "pause" | "trigger" | "delete";

function ScheduleActions({ schedule }: { schedule: Schedule }) {
  const [action, setAction] = useState<Action | null>(null);
  const [until, setUntil] = useState("");
  const [reason, setReason] = useState("");
  if (!may("jobs:write")) return null;
  const close = () => setAction(null);
  const params = { path: { name: schedule.name } };
  const ms = fromField(until, zone.value);

  async function resume(): Promise<void> {
    try {
      await done(api.POST("/schedules/{name}/resume", { params }));
      toast("It fires again.");
      refreshAll();
    } catch (thrown) {
      toast(thrown instanceof Error ? thrown.message : String(thrown), false);
    }
  }

  return (
    <>
      <button type="button" class="button button-primary" onClick={() => setAction("trigger")}>
        Trigger
      </button>
      <button type="button" class="button" onClick={() => setAction("edit")}>
        Edit
      </button>
      {schedule.state === "paused" ? (
        <button type="button" class="button" onClick={() => void resume()}>
          Resume
        </button>
      ) : (
        <button type="button" class="button" onClick={() => setAction("pause")}>
          Pause
        </button>
      )}
      <button type="button" class="button button-danger" onClick={() => setAction("delete")}>
        Delete
      </button>
      {action === "edit" ? <Editor name={schedule.name} close={close} saved={() => undefined} /> : null}
      {action === "trigger" ? (
        <Confirm
          title="Run its job now"
          verb="Trigger"
          close={close}
          carryOut={async () => {
            const job = await done(api.POST("/schedules/{name}/trigger", { params }));
            toast("Triggered.");
            go(pathOf("jobs", job.id));
          }}
        >
          <p>A job is submitted at once. Its fires are not affected.</p>
        </Confirm>
      ) : null}
      {action === "pause" ? (
        <Confirm
          title="Pause this schedule"
          verb="Pause"
          close={close}
          carryOut={async () => {
            await done(api.POST("/schedules/{name}/pause", { params, body: { ...(reason ? { reason } : {}), ...(ms === null ? {} : { until: new Date(ms).toISOString() }) } }));
            toast("Paused.");
            refreshAll();
          }}
        >
          <p>Fires from now on are skipped.</p>
          <Input label="Reason" value={reason} change={setReason} focus />
          <Input label={`Until (${zone.value === "utc" ? "UTC" : "local time"}), optional`} type="datetime-local" value={until} change={setUntil} />
        </Confirm>
      ) : null}
      {action === "delete" ? (
        <Confirm
          title="Delete this schedule"
          verb="Delete"
          danger
          close={close}
          carryOut={async () => {
            await done(api.DELETE("/schedules/{name}", { params }));
            toast("Deleted.");
            go(pathOf("schedules"), { replace: true });
          }}
        >
          <p>From now on, no fire creates a job. Jobs that are there stay.</p>
        </Confirm>
      ) : null}
    </>
  );
}
