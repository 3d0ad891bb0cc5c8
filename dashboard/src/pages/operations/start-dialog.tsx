/** Begins a bulk operation: counted first (dry run), then carried out with progress, which can be left or stopped. */
import { useEffect, useMemo, useState } from "preact/hooks";
import { api, done } from "../../api/client.js";
import { newKey } from "../../api/idempotency.js";
import { refreshAll } from "../../api/live.js";
import { asApiError } from "../../api/problems.js";
import type { Operation } from "../../api/types.js";
import { count, things } from "../../format/numbers.js";
import { fromField, HOUR_MS, toField } from "../../format/times.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { zone } from "../../shell/clock.js";
import { Dialog } from "../../ui/dialog.js";
import { Input } from "../../ui/field.js";
import { QueueSelect } from "../../ui/queue-select.js";
import { Loading, Notice } from "../../ui/states.js";
import { toast } from "../../ui/toasts.js";
import { requestOf, type BulkAction, type Selection } from "./request.js";
import { RunningOperation } from "./running.js";
import { progressOf, selectionOf } from "./words.js";

export const LABELS: Record<BulkAction, string> = {
  cancel: "Cancel",
  redrive: "Redrive",
  "run-now": "Run now",
  reschedule: "Reschedule",
  move: "Move",
  erase: "Erase",
};
const SENTENCES: Record<BulkAction, string> = {
  cancel: "Jobs that have not started never run. Running ones are asked to stop.",
  redrive: "They run again from their first attempt.",
  "run-now": "They become due at once.",
  reschedule: "They become due at this time.",
  move: "They wait in this queue from now on.",
  erase: "They go with their payloads, results, attempts and members. This cannot be undone.",
};

interface StartDialogProps {
  action: BulkAction;
  selection: Selection;
  /** Number of jobs that were selected, and that the action does nothing for. */
  leftOut: number;
  close: () => void;
  /** Called once the operation has begun. */
  begun?: () => void;
}

export function StartDialog({ action, selection, leftOut, close, begun }: StartDialogProps) {
  // What was selected when the dialog opened: the list behind it lives on.
  const [chosen] = useState(selection);
  const [left] = useState(leftOut);
  const [queue, setQueue] = useState("high");
  const [due, setDue] = useState(() => toField(Date.now() + HOUR_MS, zone.value));
  const [rate, setRate] = useState("");
  const [counted, setCounted] = useState<Operation | null>(null);
  const [operation, setOperation] = useState<Operation | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  // Begun twice, by a second click or after a lost answer, it is the same operation; with other details it is another.
  const key = useMemo(newKey, [queue, due, rate]);
  const ask = (dryRun: boolean) =>
    done(api.POST("/operations", { params: { header: dryRun ? {} : { "Idempotency-Key": key } }, body: requestOf(action, chosen, { queue, dueAt: fromField(due, zone.value), rate }, dryRun) }));

  async function guarded(work: () => Promise<void>): Promise<void> {
    setBusy(true);
    setProblem(null);
    try {
      await work();
    } catch (thrown) {
      setProblem(asApiError(thrown).detail);
    } finally {
      setBusy(false);
    }
  }

  useEffect(() => {
    void guarded(async () => setCounted(await ask(true)));
  }, []);

  async function run(): Promise<void> {
    const started = await ask(false);
    refreshAll();
    begun?.();
    if (started.state === "finished" && !started.failures.length) {
      toast(`${LABELS[action]}: ${progressOf(started)}.`);
      close();
    } else setOperation(started);
  }

  if (operation) return <RunningOperation title={LABELS[action]} operation={operation} counted={counted} close={close} />;
  const matched = counted?.counts.matched ?? 0;
  const jobs = `${things(matched, "job")}${counted && !counted.exact ? " or more" : ""}`;
  return (
    <Dialog title={`${LABELS[action]} many jobs`} close={close} wide>
      {problem ? <Notice tone="bad">{problem}</Notice> : null}
      {counted ? <Counted counted={counted} action={action} /> : problem ? null : <Loading lines={1} />}
      {left ? (
        <Notice tone="warn">
          {things(left, "selected job")} left as {left === 1 ? "it is" : "they are"}: the state does not fit.
        </Notice>
      ) : null}
      <div class="filters-row">
        {action === "move" ? <QueueSelect label="To queue" value={queue} change={setQueue} /> : null}
        {action === "reschedule" ? <Input label={`Due (${zone.value === "utc" ? "UTC" : "local time"})`} type="datetime-local" value={due} change={setDue} required /> : null}
        <Input label="Jobs a second" type="number" min={0} value={rate} change={setRate} placeholder="No limit" hint="On average over a minute." />
      </div>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={close}>
          Back
        </button>
        <button type="button" class={action === "erase" || action === "cancel" ? "button button-danger" : "button button-primary"} disabled={busy || !matched} onClick={() => void guarded(run)}>
          {counted ? `${LABELS[action]} ${jobs}` : "Counting…"}
        </button>
      </div>
    </Dialog>
  );
}

function Counted({ counted, action }: { counted: Operation; action: BulkAction }) {
  const { counts, exact } = counted;
  return (
    <div class="stack-s" role="status">
      <p>
        <strong class="number">
          {exact ? "" : "At least "}
          {things(counts.matched, "job")}
        </strong>
        {counted.idCount === null ? (
          <>
            : <span class="wrap-anywhere">{selectionOf(counted)}</span>
          </>
        ) : null}
        . {counts.matched ? SENTENCES[action] : "There is nothing to do."}
      </p>
      {counts.failed ? (
        <Notice tone="warn">
          {count(counts.failed)} more {counts.failed === 1 ? "stays as it is" : "stay as they are"}: the state does not fit, or they belong to a workflow.
        </Notice>
      ) : null}
      {counted.examples.length ? (
        <p class="small muted row">
          As in
          {counted.examples.slice(0, 3).map((id) => (
            <Link key={id} to={pathOf("jobs", id)}>
              <code class="wrap-anywhere">{id}</code>
            </Link>
          ))}
        </p>
      ) : null}
    </div>
  );
}
