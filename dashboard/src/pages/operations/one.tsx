/** One bulk operation: its progress, live; what it could not change; and how to stop or undo it. */
import { useEffect, useState } from "preact/hooks";
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { Operation } from "../../api/types.js";
import { count } from "../../format/numbers.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { PageHead } from "../../shell/page-head.js";
import type { PageProps } from "../../shell/pages.js";
import { Badge } from "../../ui/badge.js";
import { Copy } from "../../ui/copy.js";
import { Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { OperationActions } from "./actions.js";
import { Failures, OperationProgress } from "./progress.js";
import { selectionOf, verbOf } from "./words.js";

export default function OperationPage({ parameter }: PageProps) {
  const id = parameter ?? "";
  const params = { path: { operation_id: id } };
  // What has ended changes no more.
  const [isOver, setOver] = useState(false);
  const { data, problem, refresh, version } = useLive<Operation>(
    `operation ${id}`,
    (etag) => read(api.GET("/operations/{operation_id}", { params, headers: unlessSame(etag) })),
    isOver ? "slow" : "live",
  );
  useEffect(() => setOver(data !== null && data.state !== "running"), [version]);
  if (!data) {
    return (
      <>
        <PageHead title="Operation" />
        <section class="card">{problem ? <Failed problem={problem} retry={refresh} /> : <Loading />}</section>
      </>
    );
  }
  return (
    <>
      <nav class="small crumb" aria-label="Where this is">
        <Link to={pathOf("operations")}>Operations</Link>
      </nav>
      <PageHead title={verbOf(data)} badge={<Badge state={data.state ?? ""} />}>
        <OperationActions operation={data} />
      </PageHead>
      <div class="stack">
        <section class="card" aria-label="Progress">
          <div class="card-body stack">
            <OperationProgress operation={data} />
            <Failures operation={data} />
          </div>
        </section>
        <About operation={data} />
      </div>
    </>
  );
}

function About({ operation }: { operation: Operation }) {
  return (
    <section class="card" aria-label="What was asked for">
      <div class="card-head">
        <h2>What was asked for</h2>
      </div>
      <div class="card-body">
        <dl class="facts">
          <dt>Which jobs</dt>
          <dd class="wrap-anywhere">{selectionOf(operation)}</dd>
          {operation.undoes ? (
            <>
              <dt>Undoes</dt>
              <dd>
                <Link to={pathOf("operations", operation.undoes)}>
                  <code class="wrap-anywhere">{operation.undoes}</code>
                </Link>
              </dd>
            </>
          ) : null}
          {operation.dueAt ? (
            <>
              <dt>Due</dt>
              <dd>
                <Time at={operation.dueAt} form="both" />
              </dd>
            </>
          ) : null}
          <dt>Pace</dt>
          <dd>{operation.ratePerSecond ? `${operation.ratePerSecond} a second` : "as fast as possible"}</dd>
          {operation.limit ? (
            <>
              <dt>At most</dt>
              <dd class="number">{count(operation.limit)}</dd>
            </>
          ) : null}
          <dt>By</dt>
          <dd class="wrap-anywhere">{operation.by}</dd>
          <dt>Begun</dt>
          <dd>
            <Time at={operation.createdAt} form="both" />
          </dd>
          <dt>{operation.state === "cancelled" ? "Stopped" : "Ended"}</dt>
          <dd>
            <Time at={operation.endedAt} form="both" />
            {operation.cancelledBy ? ` by ${operation.cancelledBy}` : ""}
          </dd>
          <dt>Id</dt>
          <dd class="row">
            <code class="wrap-anywhere">{operation.id}</code>
            <Copy text={operation.id ?? ""} what="the id" />
          </dd>
        </dl>
      </div>
    </section>
  );
}
