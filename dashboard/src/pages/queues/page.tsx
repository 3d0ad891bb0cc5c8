/** Queues and pauses: how full they are, what is paused and why, and how to pause and resume. */
import { useState } from "preact/hooks";
import { api, done, read, unlessSame } from "../../api/client.js";
import { refreshAll, useLive } from "../../api/live.js";
import type { PauseList, Queue, QueueList, TenantPause } from "../../api/types.js";
import { count, things } from "../../format/numbers.js";
import { duration, fromField } from "../../format/times.js";
import { may } from "../../session/session.js";
import { zone } from "../../shell/clock.js";
import { PageHead } from "../../shell/page-head.js";
import { Badge } from "../../ui/badge.js";
import { Confirm } from "../../ui/dialog.js";
import { Input } from "../../ui/field.js";
import { Empty, Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { toast } from "../../ui/toasts.js";

/** What is to be paused: a queue, the tenant, or a task type that is yet to be named. */
type Target = { kind: "queue"; name: string } | { kind: "tenant" } | { kind: "type" };

export default function QueuesPage() {
  const queues = useLive<QueueList>("queues", (etag) => read(api.GET("/queues", { headers: unlessSame(etag) })));
  const pauses = useLive<PauseList>("pauses", (etag) => read(api.GET("/pauses", { headers: unlessSame(etag) })), may("jobs:read") ? "live" : "once");
  const [target, setTarget] = useState<Target | null>(null);
  return (
    <>
      <PageHead title="Queues and pauses">
        {may("admin") ? (
          <>
            <button type="button" class="button" onClick={() => setTarget({ kind: "type" })}>
              Pause a task type
            </button>
            <button type="button" class="button button-danger" onClick={() => setTarget({ kind: "tenant" })}>
              Pause the tenant
            </button>
          </>
        ) : null}
      </PageHead>
      <div class="stack">
        <section class="card" aria-label="Queues">
          <div class="card-head">
            <h2>Queues</h2>
            {may("operator") ? null : <span class="muted small">How full they are, operators see.</span>}
          </div>
          {queues.problem && !queues.data ? (
            <Failed problem={queues.problem} retry={queues.refresh} />
          ) : queues.data ? (
            <QueueTable queues={queues.data.items} pause={(name) => setTarget({ kind: "queue", name })} />
          ) : (
            <Loading />
          )}
        </section>
        <section class="card" aria-label="Pauses of the tenant">
          <div class="card-head">
            <h2>Pauses of your tenant</h2>
          </div>
          {pauses.problem && !pauses.data ? (
            <Failed problem={pauses.problem} retry={pauses.refresh} />
          ) : !pauses.data ? (
            <Loading lines={2} />
          ) : pauses.data.items.length ? (
            <PauseTable pauses={pauses.data.items} />
          ) : (
            <Empty title="Nothing is paused">All of the tenant's jobs may start.</Empty>
          )}
        </section>
      </div>
      {target ? <PauseDialog target={target} close={() => setTarget(null)} /> : null}
    </>
  );
}

/** What its workers can do: of the deployment's own queues all of it, of the others how long an attempt may take. */
function WorkersOf({ queue }: { queue: Queue }) {
  const parts = [
    !queue.timeoutSeconds ? null : `attempts up to ${duration(queue.timeoutSeconds * 1000)}`,
    !queue.memoryMb ? null : `${count(queue.memoryMb)} MB`,
    !queue.batchSize ? null : `batches of ${queue.batchSize}`,
    !queue.maximumConcurrency ? null : `${things(queue.maximumConcurrency, "worker")} at most`,
    !queue.weight ? null : `weight ${queue.weight}`,
  ].filter(Boolean);
  return (
    <div class="small muted queue-workers">
      {queue.own ? "own workers; " : ""}
      {parts.join(", ")}
    </div>
  );
}

function QueueTable({ queues, pause }: { queues: readonly Queue[]; pause: (name: string) => void }) {
  const number = (value: number | null) => (value === null ? <span class="muted">–</span> : count(value));
  return (
    <table class="table table-cards queue-table">
      <thead>
        <tr>
          <th scope="col">Queue</th>
          <th scope="col">State</th>
          <th scope="col" class="cell-number">Waiting</th>
          <th scope="col" class="cell-number">With workers</th>
          <th scope="col" class="cell-number">Due soon</th>
          <th scope="col">Oldest due</th>
          <th scope="col">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {queues.map((queue) => (
          <tr key={queue.name}>
            <th scope="row">
              {queue.name}
              <WorkersOf queue={queue} />
            </th>
            <td class="cell-wrap">
              <Badge state={queue.paused ? "paused" : queue.draining ? "draining" : "active"} />
              {queue.draining ? <div class="small muted">It is to be removed: what is in it runs, no job is accepted for it.</div> : null}
              {queue.paused ? (
                <div class="small muted">
                  since <Time at={queue.paused.since} />
                  {queue.paused.by ? ` by ${queue.paused.by}` : ""}
                  {queue.paused.reason ? `: ${queue.paused.reason}` : ""}
                  {queue.paused.expiresAt ? (
                    <>
                      , until <Time at={queue.paused.expiresAt} form="absolute" />
                    </>
                  ) : null}
                </div>
              ) : null}
            </td>
            <td class="cell-number" data-label="waiting">{number(queue.depth)}</td>
            <td class="cell-number" data-label="with workers">{number(queue.inFlight)}</td>
            <td class="cell-number" data-label="due soon">{number(queue.delayed)}</td>
            <td data-label="oldest due">
              <Time at={queue.oldestDueAt} />
            </td>
            <td class="cell-actions">
              {may("operator") ? (
                queue.paused ? (
                  <button type="button" class="button button-small" aria-label={`Resume ${queue.name}`} onClick={() => void resume(api.POST("/queues/{name}/resume", { params: { path: { name: queue.name } } }), queue.name)}>
                    Resume
                  </button>
                ) : (
                  <button type="button" class="button button-small" aria-label={`Pause ${queue.name}`} onClick={() => pause(queue.name)}>
                    Pause
                  </button>
                )
              ) : null}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function PauseTable({ pauses }: { pauses: readonly TenantPause[] }) {
  return (
    <table class="table table-cards pause-table">
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">Why</th>
          <th scope="col">By</th>
          <th scope="col">Since</th>
          <th scope="col">Until</th>
          <th scope="col">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {pauses.map((pause) => (
          <tr key={pause.type ?? ""}>
            <th scope="row">{pause.type ?? "All jobs"}</th>
            <td class="cell-wrap">{pause.reason}</td>
            <td data-label="by">{pause.by}</td>
            <td data-label="since">
              <Time at={pause.since} />
            </td>
            <td data-label="until">
              <Time at={pause.expiresAt} form="absolute" none="it is resumed" />
            </td>
            <td class="cell-actions">
              {may("admin") ? (
                <button
                  type="button"
                  class="button button-small"
                  aria-label={`Resume ${pause.type ?? "all jobs"}`}
                  onClick={() =>
                    void resume(
                      pause.type === null ? api.DELETE("/pauses/tenant") : api.DELETE("/pauses/types/{type}", { params: { path: { type: pause.type } } }),
                      pause.type ?? "the tenant",
                    )
                  }
                >
                  Resume
                </button>
              ) : null}
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

async function resume(asked: Parameters<typeof done>[0], name: string): Promise<void> {
  try {
    await done(asked);
    toast(`Resumed ${name}.`);
    refreshAll();
  } catch (thrown) {
    toast(thrown instanceof Error ? thrown.message : String(thrown), false);
  }
}

const TITLES = { queue: "Pause the queue for all tenants", tenant: "Pause all jobs of the tenant", type: "Pause a task type" };

function PauseDialog({ target, close }: { target: Target; close: () => void }) {
  const [reason, setReason] = useState("");
  const [type, setType] = useState("");
  const [until, setUntil] = useState("");
  const ms = fromField(until, zone.value);

  async function carryOut(): Promise<void> {
    const body = { reason, ...(ms === null ? {} : { expiresAt: new Date(ms).toISOString() }) };
    if (target.kind === "queue") await done(api.POST("/queues/{name}/pause", { params: { path: { name: target.name } }, body }));
    else await done(api.POST("/pauses", { body: target.kind === "type" ? { ...body, type } : body }));
    toast("Paused. It takes effect everywhere within 5 seconds.");
    refreshAll();
  }

  return (
    <Confirm title={target.kind === "queue" ? `${TITLES.queue}: ${target.name}` : TITLES[target.kind]} verb="Pause" danger close={close} carryOut={carryOut}>
      <p>No further job starts. Running ones go on.</p>
      {target.kind === "type" ? <Input label="Task type" value={type} change={setType} required focus /> : null}
      <Input label="Reason" value={reason} change={setReason} required focus={target.kind !== "type"} hint="Shown to whoever asks why a job does not run." />
      <Input label={`Ends by itself (${zone.value === "utc" ? "UTC" : "local time"}), optional`} type="datetime-local" value={until} change={setUntil} />
    </Confirm>
  );
}
