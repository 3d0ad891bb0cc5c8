/** What can be done with a job, each after a confirmation. */
import { useState } from "preact/hooks";
import { api, done } from "../../api/client.js";
import { refreshAll } from "../../api/live.js";
import type { JobDetails } from "../../api/types.js";
import { hasEnded } from "../../format/states.js";
import { fromField, instant, toField } from "../../format/times.js";
import { pathOf } from "../../routing/paths.js";
import { go } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { useShortcuts } from "../../shell/keys.js";
import { zone } from "../../shell/clock.js";
import { Confirm } from "../../ui/dialog.js";
import { Input } from "../../ui/field.js";
import { QueueSelect } from "../../ui/queue-select.js";
import { toast } from "../../ui/toasts.js";
import { SubmitDialog } from "./submit-dialog.js";

type Action = "cancel" | "run-now" | "reschedule" | "queue" | "redrive" | "clone" | "erase";

const REDRIVABLE = new Set(["dead", "cancelled", "expired"]);
const MOVABLE = new Set(["scheduled", "queued"]);

export function Actions({ job }: { job: JobDetails }) {
  const [action, setAction] = useState<Action | null>(null);
  const close = () => setAction(null);
  const isMovable = MOVABLE.has(job.state);
  useShortcuts([
    { keys: "c", text: "Cancel the job", run: () => (canWrite && !hasEnded(job.state) ? setAction("cancel") : undefined) },
    { keys: "r", text: "Redrive the job", run: () => (canWrite && REDRIVABLE.has(job.state) ? setAction("redrive") : undefined) },
    { keys: "e", text: "Clone and edit the job", run: () => (canWrite ? setAction("clone") : undefined) },
  ]);
  const canWrite = may("jobs:write");
  if (!canWrite) return <span class="muted small">Your token may read only.</span>;
  const button = (name: Action, text: string, kind = "") => (
    <button type="button" class={`button ${kind}`} onClick={() => setAction(name)}>
      {text}
    </button>
  );
  return (
    <>
      {job.state === "scheduled" ? button("run-now", "Run now", "button-primary") : null}
      {REDRIVABLE.has(job.state) ? button("redrive", "Redrive", "button-primary") : null}
      {isMovable ? button("reschedule", "Reschedule") : null}
      {isMovable ? button("queue", "Queue") : null}
      {hasEnded(job.state) ? null : button("cancel", job.cancelRequested ? "Cancel again" : "Cancel", "button-danger")}
      {button("clone", "Clone and edit")}
      {hasEnded(job.state) ? button("erase", "Erase", "button-danger") : null}
      <Asked job={job} action={action} close={close} />
    </>
  );
}

function Asked({ job, action, close }: { job: JobDetails; action: Action | null; close: () => void }) {
  const params = { path: { job_id: job.id } };
  const dialog = { job, close };
  switch (action) {
    case "cancel":
      return (
        <Confirm
          title="Cancel this job"
          verb="Cancel the job"
          danger
          close={close}
          carryOut={async () => {
            await done(api.POST("/jobs/{job_id}/cancel", { params }));
            ended("Cancel asked for.");
          }}
        >
          <p>{job.state === "running" ? "It is asked to stop; the task decides when. Watch its state." : "It never runs. It can be run again later."}</p>
        </Confirm>
      );
    case "run-now":
      return (
        <Confirm
          title="Run this job now"
          verb="Run now"
          close={close}
          carryOut={async () => {
            await done(api.PATCH("/jobs/{job_id}", { params, body: { dueAt: new Date().toISOString() } }));
            ended("It is due now.");
          }}
        >
          <p>It becomes due at once instead of at its own time, and starts as soon as a worker is free.</p>
        </Confirm>
      );
    case "redrive":
      return (
        <Confirm
          title="Run this job again"
          verb="Redrive"
          close={close}
          carryOut={async () => {
            await done(api.POST("/jobs/{job_id}/redrive", { params }));
            ended("It runs again.");
          }}
        >
          <p>It runs again from its first attempt, with all its attempts, and does not expire any more.</p>
        </Confirm>
      );
    case "erase":
      return (
        <Confirm
          title="Erase this job"
          verb="Erase for good"
          danger
          close={close}
          carryOut={async () => {
            await done(api.DELETE("/jobs/{job_id}", { params }));
            toast("Erased.");
            go(pathOf("jobs"), { replace: true });
          }}
        >
          <p>It goes with its payload, result, attempts and members. This cannot be undone.</p>
        </Confirm>
      );
    case "reschedule":
      return <Reschedule {...dialog} />;
    case "queue":
      return <Move {...dialog} />;
    case "clone":
      return <SubmitDialog like={job} close={close} submitted={(id) => go(pathOf("jobs", id))} />;
    case null:
      return null;
  }
}

function ended(text: string): void {
  toast(text);
  refreshAll();
}

function Reschedule({ job, close }: { job: JobDetails; close: () => void }) {
  const [text, setText] = useState(toField(instant(job.dueAt) ?? Date.now(), zone.value));
  const ms = fromField(text, zone.value);
  return (
    <Confirm
      title="Reschedule this job"
      verb="Reschedule"
      close={close}
      carryOut={async () => {
        if (ms === null) return;
        await done(api.PATCH("/jobs/{job_id}", { params: { path: { job_id: job.id } }, body: { dueAt: new Date(ms).toISOString() } }));
        ended("Rescheduled.");
      }}
    >
      <Input label={`Due (${zone.value === "utc" ? "UTC" : "local time"})`} type="datetime-local" value={text} change={setText} required />
    </Confirm>
  );
}

function Move({ job, close }: { job: JobDetails; close: () => void }) {
  const [queue, setQueue] = useState(job.queue ?? job.priority);
  return (
    <Confirm
      title="Move to another queue"
      verb="Move"
      close={close}
      carryOut={async () => {
        await done(api.PATCH("/jobs/{job_id}", { params: { path: { job_id: job.id } }, body: { queue } }));
        ended("Moved.");
      }}
    >
      <QueueSelect label="Queue" value={queue} change={setQueue} />
    </Confirm>
  );
}
