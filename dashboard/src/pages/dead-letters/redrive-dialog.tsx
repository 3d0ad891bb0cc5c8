/** Runs a group of dead jobs again: counted first, then one as a canary, then the rest as an operation. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api, done } from "../../api/client.js";
import { refreshAll } from "../../api/live.js";
import { asApiError, problemOf } from "../../api/problems.js";
import type { DeadLetterGroup, Operation } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { hasEnded } from "../../format/states.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { Badge } from "../../ui/badge.js";
import { Dialog } from "../../ui/dialog.js";
import { Input } from "../../ui/field.js";
import { Loading, Notice } from "../../ui/states.js";
import { RunningOperation } from "../operations/running.js";

const CANARY_POLL_S = 20;
const RATE_DEFAULT = "20";

export function RedriveDialog({ group, close }: { group: DeadLetterGroup; close: () => void }) {
  const filter = { fingerprint: group.fingerprint };
  const [counted, setCounted] = useState<Operation | null>(null);
  const [canary, setCanary] = useState<{ id: string; state: string } | null>(null);
  const [operation, setOperation] = useState<Operation | null>(null);
  const [rate, setRate] = useState(RATE_DEFAULT);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const stop = useRef(new AbortController());
  useEffect(() => {
    void guarded(async () => setCounted(await redrive({ dryRun: true })));
    return () => stop.current.abort();
  }, []);

  function redrive(more: { dryRun: true } | { ratePerSecond?: number }): Promise<Operation> {
    return done(api.POST("/operations", { body: { action: "redrive", filter, ...more } }));
  }

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

  /** One runs; its end says whether the others are worth it. */
  async function tryOne(): Promise<void> {
    const { redriven, failed } = await done(api.POST("/dead-letters/redrive", { body: { filter, limit: 1 } }));
    const id = redriven[0];
    if (!id) {
      setProblem(failed[0] ? problemOf(0, failed[0].problem).detail : "No dead job of this group is left.");
      return;
    }
    setCanary({ id, state: "queued" });
    refreshAll();
    for (let state = "queued"; !hasEnded(state) && !stop.current.signal.aborted; ) {
      const job = await done(api.GET("/jobs/{job_id}", { params: { path: { job_id: id }, query: { wait: CANARY_POLL_S } } }));
      state = job.state;
      setCanary({ id, state });
    }
    refreshAll();
  }

  async function runRest(): Promise<void> {
    const rest = Number(rate);
    setOperation(await redrive(rest > 0 ? { ratePerSecond: rest } : {}));
    refreshAll();
  }

  if (operation) return <RunningOperation title={`Redrive: ${group.error.type}`} operation={operation} counted={counted} close={close} />;
  const matched = counted?.counts.matched ?? 0;
  return (
    <Dialog title={`Redrive: ${group.error.type}`} close={close} wide>
      {problem ? <Notice tone="bad">{problem}</Notice> : null}
      {counted ? (
        <p>
          {counted.exact ? "" : "At least "}
          {things(matched, "dead job")} in this group. They run again from their first attempt.
        </p>
      ) : problem ? null : (
        <Loading lines={1} />
      )}
      {canary ? (
        <p class="row" role="status">
          Canary{" "}
          <Link to={pathOf("jobs", canary.id)}>
            <code class="wrap-anywhere">{canary.id}</code>
          </Link>
          <Badge state={canary.state} />
        </p>
      ) : null}
      {canary?.state === "dead" ? <Notice tone="warn">The canary died again: mend the cause before the rest runs.</Notice> : null}
      <Input label="Jobs a second" type="number" min={0} value={rate} change={setRate} hint="At how many a second the rest starts; empty: all at once." />
      <div class="dialog-actions">
        <button type="button" class="button" onClick={close}>
          Back
        </button>
        <button type="button" class={canary ? "button" : "button button-primary"} disabled={busy || !matched} onClick={() => void guarded(tryOne)}>
          {canary ? "Try another one" : "Try one first"}
        </button>
        <button type="button" class={canary?.state === "succeeded" ? "button button-primary" : "button"} disabled={busy || !matched} onClick={() => void guarded(runRest)}>
          Run {canary ? "the rest" : "all"}
        </button>
      </div>
    </Dialog>
  );
}
