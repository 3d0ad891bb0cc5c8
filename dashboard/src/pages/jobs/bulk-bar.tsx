/** What can be done with the selected jobs: counted first (dry run), then carried out with progress. */
import { useRef, useState } from "preact/hooks";
import { api, done } from "../../api/client.js";
import { refreshAll } from "../../api/live.js";
import type { Job } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { may } from "../../session/session.js";
import { Dialog } from "../../ui/dialog.js";
import { Notice } from "../../ui/states.js";
import { toast } from "../../ui/toasts.js";
import { FITS, forEachJob, type BulkAction, type Outcome } from "./bulk.js";

const VERBS: Record<BulkAction, string> = { cancel: "Cancel", redrive: "Redrive", "run-now": "Run now", erase: "Erase" };
const SENTENCES: Record<BulkAction, string> = {
  cancel: "Jobs that have not started never run. Running ones are asked to stop.",
  redrive: "They run again from their first attempt.",
  "run-now": "They become due at once.",
  erase: "They go with their payloads, results, attempts and members. This cannot be undone.",
};

function act(action: BulkAction, id: string): Promise<unknown> {
  const params = { path: { job_id: id } };
  switch (action) {
    case "cancel":
      return done(api.POST("/jobs/{job_id}/cancel", { params }));
    case "redrive":
      return done(api.POST("/jobs/{job_id}/redrive", { params }));
    case "run-now":
      return done(api.PATCH("/jobs/{job_id}", { params, body: { dueAt: new Date().toISOString() } }));
    case "erase":
      return done(api.DELETE("/jobs/{job_id}", { params }));
  }
}

export function BulkBar({ jobs, clear }: { jobs: readonly Job[]; clear: () => void }) {
  const [action, setAction] = useState<BulkAction | null>(null);
  if (!jobs.length) return null;
  return (
    <div class="bulk" role="region" aria-label="Selected jobs">
      <strong>{things(jobs.length, "job")} selected</strong>
      {may("jobs:write")
        ? (Object.keys(VERBS) as BulkAction[]).map((each) => (
            <button
              type="button"
              key={each}
              class={each === "erase" ? "button button-danger" : "button"}
              disabled={!jobs.some(({ state }) => FITS[each].has(state))}
              onClick={() => setAction(each)}
            >
              {VERBS[each]}
            </button>
          ))
        : null}
      <button type="button" class="button button-quiet" onClick={clear}>
        Clear
      </button>
      {action ? <BulkDialog action={action} jobs={jobs} close={() => setAction(null)} clear={clear} /> : null}
    </div>
  );
}

interface BulkDialogProps {
  action: BulkAction;
  jobs: readonly Job[];
  close: () => void;
  clear: () => void;
}

function BulkDialog({ action, jobs, close, clear }: BulkDialogProps) {
  // What was selected when the dialog opened: the list behind it lives on.
  const [ids] = useState(() => jobs.filter(({ state }) => FITS[action].has(state)).map(({ id }) => id));
  const [all] = useState(jobs.length);
  const [outcome, setOutcome] = useState<Outcome | null>(null);
  const [busy, setBusy] = useState(false);
  const stop = useRef(new AbortController());

  async function run(): Promise<void> {
    setBusy(true);
    const end = await forEachJob(ids, (id) => act(action, id), setOutcome, stop.current.signal);
    setBusy(false);
    setOutcome(end);
    refreshAll();
    if (!end.failed.length && !stop.current.signal.aborted) {
      toast(`${VERBS[action]}: ${things(end.done, "job")}.`);
      close();
      clear();
    }
  }

  const settled = outcome ? outcome.done + outcome.failed.length : 0;
  return (
    <Dialog title={`${VERBS[action]} ${things(ids.length, "job")}`} close={busy ? () => undefined : close}>
      <p>{SENTENCES[action]}</p>
      {ids.length < all ? (
        <Notice tone="warn">{things(all - ids.length, "selected job")} left as {all - ids.length === 1 ? "it is" : "they are"}: the state does not fit.</Notice>
      ) : null}
      {outcome ? (
        <div class="stack-s">
          <label class="field">
            <span class="field-label">
              {settled} of {ids.length}
            </span>
            <progress max={ids.length} value={settled} />
          </label>
          {outcome.failed.length ? (
            <Notice tone="bad">
              {things(outcome.failed.length, "job")} refused. The first one: {outcome.failed[0]?.problem.detail}
            </Notice>
          ) : null}
        </div>
      ) : null}
      <div class="dialog-actions">
        {busy ? (
          <button type="button" class="button" onClick={() => stop.current.abort()}>
            Stop
          </button>
        ) : (
          <button type="button" class="button" onClick={close}>
            {outcome ? "Close" : "Back"}
          </button>
        )}
        {outcome ? null : (
          <button type="button" class={action === "erase" ? "button button-danger" : "button button-primary"} disabled={busy} onClick={() => void run()}>
            {VERBS[action]} {things(ids.length, "job")}
          </button>
        )}
      </div>
    </Dialog>
  );
}
