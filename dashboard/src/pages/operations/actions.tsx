/** What can be done with a bulk operation: stop it, and undo a redrive. */
import { useState } from "preact/hooks";
import { api, done } from "../../api/client.js";
import { refreshAll } from "../../api/live.js";
import type { Operation } from "../../api/types.js";
import { pathOf } from "../../routing/paths.js";
import { go } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { Confirm } from "../../ui/dialog.js";
import { toast } from "../../ui/toasts.js";

export function OperationActions({ operation }: { operation: Operation }) {
  const [action, setAction] = useState<"cancel" | "undo" | null>(null);
  const { id } = operation;
  if (!may("jobs:write") || id === null) return null;
  const params = { path: { operation_id: id } };
  const close = () => setAction(null);
  return (
    <>
      {operation.state === "running" ? (
        <button type="button" class="button button-danger" onClick={() => setAction("cancel")}>
          Stop
        </button>
      ) : null}
      {operation.action === "redrive" ? (
        <button type="button" class="button" onClick={() => setAction("undo")}>
          Undo
        </button>
      ) : null}
      {action === "cancel" ? (
        <Confirm
          title="Stop this operation"
          verb="Stop it"
          danger
          close={close}
          carryOut={async () => {
            await done(api.POST("/operations/{operation_id}/cancel", { params }));
            toast("Stopped.");
            refreshAll();
          }}
        >
          <p>It changes no further jobs; up to 100 that are being changed are finished. What is changed stays.</p>
        </Confirm>
      ) : null}
      {action === "undo" ? (
        <Confirm
          title="Undo this redrive"
          verb="Undo it"
          danger
          close={close}
          carryOut={async () => {
            const undo = await done(api.POST("/operations/{operation_id}/undo", { params }));
            toast("Undone, as far as its jobs had not begun.");
            if (undo.id) go(pathOf("operations", undo.id));
          }}
        >
          <p>Its jobs that have not begun end again as they had ended before. Those that have begun go on.</p>
          {operation.state === "running" ? <p>It is stopped first.</p> : null}
        </Confirm>
      ) : null}
    </>
  );
}
