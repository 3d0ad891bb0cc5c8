/** Payload and result: collapsible, copied whole; large ones are loaded on demand. */
import { useEffect, useState } from "preact/hooks";
import { api, done } from "../../api/client.js";
import { asApiError } from "../../api/problems.js";
import type { JobDetails } from "../../api/types.js";
import { bytes } from "../../format/numbers.js";
import { CopyJson, Json } from "../../ui/json-view.js";
import { Notice } from "../../ui/states.js";

const TITLES = { payload: "Payload", result: "Result" } as const;

export function Data({ job, name }: { job: JobDetails; name: "payload" | "result" }) {
  const [loaded, setLoaded] = useState<{ value: unknown } | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => setLoaded(null), [job.id, job.finishedAt]);
  const inline = job[name];
  const isElsewhere = name === "payload" ? job.payloadUrl !== null : job.resultUrl !== null;
  const size = name === "payload" ? job.payloadBytes : job.resultBytes;
  if (name === "result" && job.state !== "succeeded") return null;
  const value = loaded ? loaded.value : inline;
  const isThere = loaded !== null || !isElsewhere;

  async function load(): Promise<void> {
    setProblem(null);
    const params = { path: { job_id: job.id } };
    try {
      const asked = name === "payload" ? api.GET("/jobs/{job_id}/payload", { params }) : api.GET("/jobs/{job_id}/result", { params });
      setLoaded({ value: await done<unknown>(asked) });
    } catch (thrown) {
      setProblem(asApiError(thrown).detail);
    }
  }

  return (
    <section class="card" aria-label={TITLES[name]}>
      <div class="card-head">
        <h2>{TITLES[name]}</h2>
        {isThere ? (
          <span class="row-end">
            <CopyJson value={value} what={`the ${name}`} />
          </span>
        ) : null}
      </div>
      <div class="card-body stack">
        {problem ? <Notice tone="bad">{problem}</Notice> : null}
        {isThere ? (
          <Json value={value} what={TITLES[name]} />
        ) : (
          <p class="row">
            It has {bytes(size ?? 0)}.
            <button type="button" class="button" onClick={() => void load()}>
              Load it
            </button>
          </p>
        )}
      </div>
    </section>
  );
}
