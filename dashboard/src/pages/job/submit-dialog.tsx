/** Submits a job from a form; as a clone, the form holds what another job had. */
import { useEffect, useState } from "preact/hooks";
import { api, done } from "../../api/client.js";
import { ApiError } from "../../api/problems.js";
import type { JobDetails } from "../../api/types.js";
import { Confirm } from "../../ui/dialog.js";
import { Input, TextArea } from "../../ui/field.js";
import { QueueSelect } from "../../ui/queue-select.js";
import { toast } from "../../ui/toasts.js";

interface SubmitDialogProps {
  like?: JobDetails;
  close: () => void;
  submitted: (id: string) => void;
}

export function SubmitDialog({ like, close, submitted }: SubmitDialogProps) {
  const [type, setType] = useState(like?.type ?? "");
  const [payload, setPayload] = useState(like && !like.payloadUrl ? JSON.stringify(like.payload, null, 2) : "{}");
  // Left out, the profile or the task says which.
  const [queue, setQueue] = useState(like?.queue ?? "");
  const [delay, setDelay] = useState("0");
  const [names, setNames] = useState<readonly string[]>([]);
  useEffect(() => {
    done(api.GET("/tasks")).then(
      ({ items }) => setNames(items.map(({ name }) => name)),
      () => undefined,
    );
    if (like?.payloadUrl) {
      done<unknown>(api.GET("/jobs/{job_id}/payload", { params: { path: { job_id: like.id } } })).then(
        (value) => setPayload(JSON.stringify(value, null, 2)),
        () => undefined,
      );
    }
  }, []);
  const problem = problemOf(payload);

  async function submit(): Promise<void> {
    if (problem) throw new ApiError(0, "not_json", `The payload is no JSON: ${problem}`);
    const seconds = Number(delay);
    const job = await done(
      api.POST("/jobs", {
        body: {
          type,
          payload: JSON.parse(payload) as Record<string, never>,
          ...(seconds > 0 ? { delaySeconds: seconds } : {}),
          ...(queue ? { queue } : {}),
          ...(like ? { tags: like.tags as Record<string, string>, profile: like.profile } : {}),
        },
      }),
    );
    toast("Submitted.");
    submitted(job.id);
  }

  return (
    <Confirm title={like ? "Clone and edit" : "Submit a job"} verb="Submit" wide close={close} carryOut={submit}>
      <Input label="Type" value={type} change={setType} list={names} required focus={!like} />
      <TextArea label="Payload (JSON)" value={payload} change={setPayload} problem={problem} />
      <div class="filters-row">
        <QueueSelect label="Queue" value={queue} change={setQueue} none="The task's" />
        <Input label="Delay (seconds)" type="number" min={0} value={delay} change={setDelay} />
      </div>
    </Confirm>
  );
}

function problemOf(text: string): string | null {
  try {
    JSON.parse(text);
    return null;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}
