/** Backfills: jobs for past fires that had none, with their progress; how to begin, pause and stop one. */
import { useEffect, useState } from "preact/hooks";
import { api, done, read, unlessSame } from "../../api/client.js";
import { refreshAll, useLive } from "../../api/live.js";
import { ApiError, asApiError } from "../../api/problems.js";
import type { Backfill, BackfillList } from "../../api/types.js";
import { DAY_MS, fromField, toField } from "../../format/times.js";
import { may } from "../../session/session.js";
import { now, zone } from "../../shell/clock.js";
import { Badge } from "../../ui/badge.js";
import { Confirm } from "../../ui/dialog.js";
import { Input } from "../../ui/field.js";
import { Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { toast } from "../../ui/toasts.js";
import { doneOf, outcomeOf, wrongRange } from "./backfill.js";

const SHOWN = 5;

export function Backfills({ name }: { name: string }) {
  const params = { path: { name }, query: { limit: SHOWN } };
  // Only one that runs changes by itself.
  const [isRunning, setRunning] = useState(false);
  const list = useLive<BackfillList>(
    `backfills ${name}`,
    (etag) => read(api.GET("/schedules/{name}/backfills", { params, headers: unlessSame(etag) })),
    isRunning ? "live" : "slow",
  );
  useEffect(() => setRunning(list.data?.items.some(({ state }) => state === "running") ?? false), [list.version]);
  const [isStarting, setStarting] = useState(false);
  return (
    <section class="card" aria-label="Backfills">
      <div class="card-head">
        <h2>Backfills</h2>
        {may("jobs:write") ? (
          <button type="button" class="button button-small row-end" onClick={() => setStarting(true)}>
            Backfill…
          </button>
        ) : null}
      </div>
      {list.problem && !list.data ? (
        <Failed problem={list.problem} retry={list.refresh} />
      ) : !list.data ? (
        <Loading lines={2} />
      ) : list.data.items.length ? (
        <ul class="backfills">
          {list.data.items.map((backfill) => (
            <li key={backfill.id} class="card-body stack-s">
              <One name={name} backfill={backfill} />
            </li>
          ))}
        </ul>
      ) : (
        <p class="card-body muted">None. A backfill creates jobs for past fires that had none.</p>
      )}
      {isStarting ? <StartDialog name={name} close={() => setStarting(false)} /> : null}
    </section>
  );
}

function One({ name, backfill }: { name: string; backfill: Backfill }) {
  const part = doneOf(backfill);
  return (
    <>
      <div class="row">
        <Badge state={backfill.state} />
        <span class="small">
          <Time at={backfill.from} form="absolute" /> to <Time at={backfill.to} form="absolute" />
        </span>
        <Actions name={name} backfill={backfill} />
      </div>
      <label class="field">
        <span class="field-label number">{outcomeOf(backfill)}</span>
        <progress max={1} value={part} />
      </label>
      {backfill.by || backfill.reason ? (
        <p class="small muted wrap-anywhere">
          {backfill.by ? `By ${backfill.by}` : "Asked for"}
          {backfill.reason ? `: ${backfill.reason}` : ""}
        </p>
      ) : null}
      {backfill.error ? <p class="small wrap-anywhere">{backfill.error}</p> : null}
    </>
  );
}

const TOASTS = { pause: "Paused.", resume: "It goes on.", cancel: "Stopped: jobs that it has created stay." };

function Actions({ name, backfill }: { name: string; backfill: Backfill }) {
  const isOpen = backfill.state === "running" || backfill.state === "paused";
  if (!isOpen || !may("jobs:write")) return null;
  const params = { path: { name, backfill_id: backfill.id } };

  async function act(action: keyof typeof TOASTS): Promise<void> {
    try {
      await done(
        action === "pause"
          ? api.POST("/schedules/{name}/backfills/{backfill_id}/pause", { params })
          : action === "resume"
            ? api.POST("/schedules/{name}/backfills/{backfill_id}/resume", { params })
            : api.POST("/schedules/{name}/backfills/{backfill_id}/cancel", { params }),
      );
      toast(TOASTS[action]);
      refreshAll();
    } catch (thrown) {
      toast(asApiError(thrown).detail, false);
    }
  }

  const other = backfill.state === "paused" ? "resume" : "pause";
  return (
    <span class="row row-end">
      <button type="button" class="button button-small" onClick={() => void act(other)}>
        {other === "pause" ? "Pause the backfill" : "Resume the backfill"}
      </button>
      <button type="button" class="button button-small button-danger" onClick={() => void act("cancel")}>
        Stop
      </button>
    </span>
  );
}

function StartDialog({ name, close }: { name: string; close: () => void }) {
  const [from, setFrom] = useState(() => toField(Date.now() - DAY_MS, zone.value));
  const [to, setTo] = useState(() => toField(Date.now(), zone.value));
  const [limit, setLimit] = useState("");
  const [force, setForce] = useState(false);
  const [reason, setReason] = useState("");
  const [first, last] = [fromField(from, zone.value), fromField(to, zone.value)];
  const problem = wrongRange(first, last, now.value);
  const suffix = zone.value === "utc" ? "UTC" : "local time";

  async function start(): Promise<void> {
    if (problem !== null || first === null || last === null) throw new ApiError(0, "not_valid", problem ?? "Both times are needed.");
    await done(
      api.POST("/schedules/{name}/backfill", {
        params: { path: { name } },
        body: { from: new Date(first).toISOString(), to: new Date(last).toISOString(), force, ...(limit ? { limit: Number(limit) } : {}), ...(reason ? { reason } : {}) },
      }),
    );
    toast("The backfill has begun.");
    refreshAll();
  }

  return (
    <Confirm title={`Backfill ${name}`} verb="Begin" close={close} carryOut={start}>
      <p>Jobs are created for the fires between these times that had none. They run at once, up to the limit.</p>
      <Input label={`From (${suffix})`} type="datetime-local" value={from} change={setFrom} problem={problem} required />
      <Input label={`To (${suffix})`} type="datetime-local" value={to} change={setTo} required />
      <Input label="Reason" value={reason} change={setReason} placeholder="Optional" />
      <Input label="At most" type="number" min={1} max={10_000} value={limit} change={setLimit} placeholder="10,000 jobs" />
      <label class="row">
        <input type="checkbox" class="checkbox" checked={force} onChange={(event) => setForce(event.currentTarget.checked)} />
        Also for fires that had a job
      </label>
    </Confirm>
  );
}
