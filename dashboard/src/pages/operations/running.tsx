/** A bulk operation that has just begun: its progress in a dialog, which one can leave, stop, or undo. */
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { Operation } from "../../api/types.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { Dialog } from "../../ui/dialog.js";
import { Notice } from "../../ui/states.js";
import { OperationActions } from "./actions.js";
import { Failures, OperationProgress } from "./progress.js";

interface RunningProps {
  title: string;
  operation: Operation;
  /** The dry run before it. */
  counted: Operation | null;
  close: () => void;
}

export function RunningOperation({ title, operation: first, counted, close }: RunningProps) {
  const id = first.id ?? "";
  const { data, problem } = useLive<Operation>(`operation ${id}`, (etag) =>
    read(api.GET("/operations/{operation_id}", { params: { path: { operation_id: id } }, headers: unlessSame(etag) })),
  );
  const operation = data ?? first;
  const isRunning = operation.state === "running";
  return (
    <Dialog title={title} close={close} wide>
      {problem ? <Notice tone="bad">{problem.detail}</Notice> : null}
      <OperationProgress operation={operation} counted={counted?.exact ? counted.counts.matched : null} />
      <Failures operation={operation} />
      <p class="small">
        <Link to={pathOf("operations", id)}>The operation</Link>
        {isRunning ? <span class="muted"> goes on when you leave.</span> : null}
      </p>
      <div class="dialog-actions">
        <button type="button" class="button" onClick={close}>
          {isRunning ? "Leave it running" : "Close"}
        </button>
        <OperationActions operation={operation} />
      </div>
    </Dialog>
  );
}
