/** One workflow: how far it is, its graph, its nodes, and what can be done with it. */
import { useState } from "preact/hooks";
import { api, done, read, unlessSame } from "../../api/client.js";
import { refreshAll, useLive } from "../../api/live.js";
import type { components } from "../../api/schema.js";
import { things } from "../../format/numbers.js";
import { hasEnded } from "../../format/states.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { PageHead } from "../../shell/page-head.js";
import type { PageProps } from "../../shell/pages.js";
import { Badge } from "../../ui/badge.js";
import { Copy } from "../../ui/copy.js";
import { Confirm } from "../../ui/dialog.js";
import { Failed, Loading, Notice } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { toast } from "../../ui/toasts.js";
import { Graph } from "./graph.js";

type Workflow = components["schemas"]["WorkflowDetailsReply"];

const NODES_SHOWN = 100;

export default function WorkflowPage({ parameter }: PageProps) {
  const id = parameter ?? "";
  const workflow = useLive<Workflow>(`workflow ${id}`, (etag) =>
    read(api.GET("/workflows/{workflow_id}", { params: { path: { workflow_id: id } }, headers: unlessSame(etag) })),
  );
  const { data } = workflow;
  if (!data) {
    return (
      <>
        <PageHead title="Workflow" />
        <section class="card">{workflow.problem ? <Failed problem={workflow.problem} retry={workflow.refresh} /> : <Loading lines={8} />}</section>
      </>
    );
  }
  return (
    <>
      <nav class="small crumb" aria-label="Where this is">
        <Link to={pathOf("workflows")}>Workflows</Link>
      </nav>
      <PageHead title="Workflow" badge={<Badge state={data.state} />}>
        <WorkflowActions workflow={data} />
      </PageHead>
      <p class="job-id">
        <Link to={pathOf("jobs", id)}>
          <code class="wrap-anywhere">{id}</code>
        </Link>
        <Copy text={id} what="the id" />
      </p>
      <div class="stack">
        {data.error ? (
          <Notice tone="bad">
            {data.error.type}: {data.error.message}
          </Notice>
        ) : null}
        <p class="row" aria-label="Progress">
          {Object.entries(data.progress).map(([state, number]) => (
            <span key={state} class="row">
              <Badge state={state} /> <span class="number">{String(number)}</span>
            </span>
          ))}
          <span class="muted">of {things(data.nodes.length, "node")}</span>
        </p>
        <Graph workflow={data} />
        <Nodes workflow={data} />
      </div>
    </>
  );
}

function Nodes({ workflow }: { workflow: Workflow }) {
  const [shown, setShown] = useState(NODES_SHOWN);
  return (
    <section class="card" aria-label="Nodes">
      <div class="card-head">
        <h2>Nodes</h2>
      </div>
      <table class="table table-cards">
        <thead>
          <tr>
            <th scope="col">Node</th>
            <th scope="col">State</th>
            <th scope="col">Task</th>
            <th scope="col">Started</th>
            <th scope="col">Ended</th>
          </tr>
        </thead>
        <tbody>
          {workflow.nodes.slice(0, shown).map((node) => (
            <tr key={node.name}>
              <th scope="row">{node.job ? <Link to={pathOf("jobs", node.job)}>{node.name}</Link> : node.name}</th>
              <td>
                <Badge state={node.state} />
              </td>
              <td class="cell-wrap">
                {node.type}
                {node.error ? <div class="small muted">{`${node.error.type}: ${node.error.message}`}</div> : null}
              </td>
              <td data-label="started">
                <Time at={node.startedAt} form="absolute" />
              </td>
              <td data-label="ended">
                <Time at={node.finishedAt} form="absolute" />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {workflow.nodes.length > shown ? (
        <div class="card-body">
          <button type="button" class="button" onClick={() => setShown(shown + 10 * NODES_SHOWN)}>
            Show more ({things(workflow.nodes.length - shown, "node")} left)
          </button>
        </div>
      ) : null}
    </section>
  );
}

function WorkflowActions({ workflow }: { workflow: Workflow }) {
  const [action, setAction] = useState<"cancel" | "retry" | null>(null);
  if (!may("jobs:write")) return null;
  const params = { path: { workflow_id: workflow.id } };
  const close = () => setAction(null);
  return (
    <>
      {workflow.state === "dead" || workflow.state === "cancelled" ? (
        <button type="button" class="button button-primary" onClick={() => setAction("retry")}>
          Retry
        </button>
      ) : null}
      {hasEnded(workflow.state) ? null : (
        <button type="button" class="button button-danger" onClick={() => setAction("cancel")}>
          Cancel
        </button>
      )}
      {action === "retry" ? (
        <Confirm
          title="Retry this workflow"
          verb="Retry"
          close={close}
          carryOut={async () => {
            await done(api.POST("/workflows/{workflow_id}/retry", { params }));
            toast("It runs again from the nodes that failed.");
            refreshAll();
          }}
        >
          <p>The nodes that failed run again, and those that depend on them. Nodes that succeeded do not.</p>
        </Confirm>
      ) : null}
      {action === "cancel" ? (
        <Confirm
          title="Cancel this workflow"
          verb="Cancel the workflow"
          danger
          close={close}
          carryOut={async () => {
            await done(api.POST("/workflows/{workflow_id}/cancel", { params }));
            toast("Cancel asked for.");
            refreshAll();
          }}
        >
          <p>Nodes that have not started never run. Running ones are asked to stop.</p>
        </Confirm>
      ) : null}
    </>
  );
}
