/** Workflows: how far each one is. */
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { components } from "../../api/schema.js";
import { things } from "../../format/numbers.js";
import { STATES } from "../../format/states.js";
import { pathOf } from "../../routing/paths.js";
import { Link, query, setQuery } from "../../routing/router.js";
import { PageHead } from "../../shell/page-head.js";
import { Badge } from "../../ui/badge.js";
import { Select } from "../../ui/field.js";
import { Empty, Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { Pager } from "../jobs/pager.js";

type WorkflowList = components["schemas"]["WorkflowListReply"];

const PAGE = 50;

export default function WorkflowsPage() {
  const filter = {
    limit: Number(query.value.get("limit")) || PAGE,
    ...(query.value.get("state") ? { state: query.value.get("state") } : {}),
    ...(query.value.get("cursor") ? { cursor: query.value.get("cursor") } : {}),
  };
  const list = useLive<WorkflowList>(`workflows ${JSON.stringify(filter)}`, (etag) =>
    read(api.GET("/workflows", { params: { query: filter }, headers: unlessSame(etag) })),
  );
  return (
    <>
      <PageHead title="Workflows" />
      <search class="filters">
        <div class="filters-row">
          <Select
            label="State"
            value={query.value.get("state") ?? ""}
            change={(state) => setQuery({ state: state || null, cursor: null })}
            options={[["", "Any state"], ...STATES.map((state) => [state, state] as const)]}
          />
        </div>
      </search>
      <section class="card" aria-label="Workflows" aria-busy={list.loading}>
        {list.problem && !list.data ? (
          <Failed problem={list.problem} retry={list.refresh} />
        ) : !list.data ? (
          <Loading />
        ) : list.data.items.length ? (
          <table class="table table-cards">
            <thead>
              <tr>
                <th scope="col">Workflow</th>
                <th scope="col">State</th>
                <th scope="col">Submitted</th>
                <th scope="col">Ended</th>
                <th scope="col">Retries</th>
              </tr>
            </thead>
            <tbody>
              {list.data.items.map((item) => (
                <tr key={item.id}>
                  <th scope="row">
                    <Link to={pathOf("workflows", item.id)}>
                      <code>{item.id}</code>
                    </Link>
                  </th>
                  <td>
                    <Badge state={item.state} />
                  </td>
                  <td data-label="submitted">
                    <Time at={item.createdAt} />
                  </td>
                  <td data-label="ended">
                    <Time at={item.finishedAt} />
                  </td>
                  <td class="number" data-label="retries">
                    {item.retries}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        ) : (
          <Empty title="No workflows">
            <p>A workflow is several jobs that depend on each other, submitted as one.</p>
          </Empty>
        )}
      </section>
      <Pager cursor={list.data?.cursor ?? null} shown={things(list.data?.items.length ?? 0, "workflow")} />
    </>
  );
}
