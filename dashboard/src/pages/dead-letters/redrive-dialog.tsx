/** Runs a group of dead jobs again: counted first, then one as a canary, then the rest. */
import { useEffect, useRef, useState } from "preact/hooks";
import { api, done } from "../../api/client.js";
import { refreshAll } from "../../api/live.js";
import { asApiError, problemOf } from "../../api/problems.js";
import type { DeadLetterGroup } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { hasEnded } from "../../format/states.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { Badge } from "../../ui/badge.js";
import { Dialog } from "../../ui/dialog.js";
import { Input } from "../../ui/field.js";
import { Loading, Notice } from "../../ui/states.js";
import { inPages, type Redrive } from "./redrive.js";

const CANARY_POLL_S = 20;
const RATE_DEFAULT = "20";

function redriveOf(fingerprint: string): Redrive {
  return (body) => done(api.POST("/dead-letters/redrive", { body: { ...body, filter: { fingerprint } } }));
}

export function RedriveDialog({ group, close }: { group: DeadLetterGroup; close: () => void }) {
  const redrive = redriveOf(group.fingerprint);
  const [matched, setMatched] = useState<number | null>(null);
  const [canary, setCanary] = useState<{ id: string; state: string } | null>(null);
  const [progress, setProgress] = useState<{ redriven: number; failed: number } | null>(null);
  const [rate, setRate] = useState(RATE_DEFAULT);
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const stop = useRef(new AbortController());
  useEffect(() => {
    void guarded(async () => setMatched(await countAll(redrive)));
    return () => stop.current.abort();
  }, []);

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
    const { redriven, failed } = await redrive({ limit: 1 });
    const id = redriven[0];
    if (!id) {
      setProblem(asDetail(failed[0]?.problem) ?? "No dead job of this group is left.");
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
    await inPages(redrive, Number(rate) || null, setProgress, stop.current.signal);
    refreshAll();
  }

  const isOver = progress !== null && !busy;
  return (
    <Dialog title={`Redrive: ${group.error.type}`} close={close} wide>
      {problem ? <Notice tone="bad">{problem}</Notice> : null}
      {matched === null ? problem ? null : <Loading lines={1} /> : <p>{things(matched, "dead job")} in this group. They run again from their first attempt.</p>}
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
      {progress ? (
        <label class="field">
          <span class="field-label">
            {things(progress.redriven, "job")} running again{progress.failed ? `, ${progress.failed} refused` : ""}
          </span>
          <progress max={Math.max(matched ?? 0, progress.redriven)} value={progress.redriven} />
        </label>
      ) : (
        <Input label="Jobs a second" type="number" min={1} value={rate} change={setRate} hint="At how many a second the rest starts; empty: all at once." />
      )}
      <div class="dialog-actions">
        <button type="button" class="button" onClick={close}>
          {isOver ? "Close" : "Back"}
        </button>
        {isOver ? null : (
          <>
            <button type="button" class={canary ? "button" : "button button-primary"} disabled={busy || !matched} onClick={() => void guarded(tryOne)}>
              {canary ? "Try another one" : "Try one first"}
            </button>
            <button type="button" class={canary?.state === "succeeded" ? "button button-primary" : "button"} disabled={busy || !matched} onClick={() => void guarded(runRest)}>
              Run {canary ? "the rest" : "all"}
            </button>
          </>
        )}
      </div>
    </Dialog>
  );
}

function asDetail(problem: Record<string, unknown> | undefined): string | null {
  return problem ? problemOf(0, problem).detail : null;
}

/** Count by dry runs: nothing is changed. */
async function countAll(redrive: Redrive): Promise<number> {
  let matched = 0;
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Redrive>> = await redrive({ dryRun: true, ...(cursor ? { cursor } : {}) });
    matched += page.matched;
    cursor = page.cursor;
  } while (cursor);
  return matched;
}
