/** Bulk operations: what was done to many jobs at once, by whom, and how far it is. */
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { Operation, OperationList } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { pathOf } from "../../routing/paths.js";
import { Link, query } from "../../routing/router.js";
import { PageHead } from "../../shell/page-head.js";
import { Badge } from "../../ui/badge.js";
import { Empty, Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { Pager } from "../jobs/pager.js";
import { progressOf, selectionOf, verbOf } from "./words.js";

const PAGE = 50;

export default function OperationsPage() {
  const cursor = query.value.get("cursor");
  const limit = Number(query.value.get("limit")) || PAGE;
  const list = useLive<OperationList>(`operations ${limit} ${cursor ?? ""}`, (etag) =>
    read(api.GET("/operations", { params: { query: { limit, ...(cursor ? { cursor } : {}) } }, headers: unlessSame(etag) })),
  );
  return (
    <>
      <PageHead title="Operations" />
      <section class="card" aria-label="Operations" aria-busy={list.loading}>
        {list.problem && !list.data ? (
          <Failed problem={list.problem} retry={list.refresh} />
        ) : !list.data ? (
          <Loading />
        ) : list.data.items.length ? (
          <OperationTable operations={list.data.items} />
        ) : (
          <Empty title="No operations">
            <p>Whatever is done to many jobs at once is listed here for 90 days.</p>
            <Link class="button" to={pathOf("jobs")}>
              Choose jobs
            </Link>
          </Empty>
        )}
      </section>
      <Pager cursor={list.data?.cursor ?? null} shown={things(list.data?.items.length ?? 0, "operation")} />
    </>
  );
}

function OperationTable({ operations }: { operations: readonly Operation[] }) {
  return (
    <table class="table table-cards operation-table">
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">State</th>
          <th scope="col">Which jobs</th>
          <th scope="col">How far</th>
          <th scope="col">By</th>
          <th scope="col">Begun</th>
        </tr>
      </thead>
      <tbody>
        {operations.map((operation) => (
          <tr key={operation.id}>
            <th scope="row">
              <Link to={pathOf("operations", operation.id)}>{verbOf(operation)}</Link>
            </th>
            <td>
              <Badge state={operation.state ?? ""} />
            </td>
            <td class="cell-wrap">{selectionOf(operation)}</td>
            <td class="cell-wrap number">{progressOf(operation)}</td>
            <td class="muted" title={operation.by}>
              {operation.by}
            </td>
            <td class="muted">
              <Time at={operation.createdAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
