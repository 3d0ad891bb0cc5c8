/** For operators: what each tenant uses and costs, and which dead jobs it has. */
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { TenantDeadLetters, TenantsDeadLetters, TenantUsage, Usage } from "../../api/types.js";
import { compact, count, dollars, things } from "../../format/numbers.js";
import { query, setQuery } from "../../routing/router.js";
import { now } from "../../shell/clock.js";
import { PageHead } from "../../shell/page-head.js";
import { Select } from "../../ui/field.js";
import { Empty, Failed, Loading, Notice } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { monthsUntil, share } from "./months.js";

const MONTHS = 12;

export default function TenantsPage() {
  return (
    <>
      <PageHead title="Tenants" />
      <div class="stack">
        <UsageCard />
        <DeadLettersCard />
      </div>
    </>
  );
}

function UsageCard() {
  const months = monthsUntil(now.value, MONTHS);
  const asked = query.value.get("month") ?? "";
  const month = months.includes(asked) ? asked : (months[0] ?? "");
  const usage = useLive<Usage>(`usage ${month}`, (etag) => read(api.GET("/usage", { params: { query: { month } }, headers: unlessSame(etag) })), "slow");
  const tenants = usage.data?.tenants ?? [];
  return (
    <section class="card" aria-label="Usage by tenant" aria-busy={usage.loading}>
      <div class="card-head">
        <h2>Usage</h2>
        <div class="row-end log-filter">
          <Select label="Month (UTC)" value={month} change={(value) => setQuery({ month: value === months[0] ? null : value })} options={months.map((each) => [each, each] as const)} />
        </div>
      </div>
      {usage.problem && !usage.data ? (
        <Failed problem={usage.problem} retry={usage.refresh} />
      ) : !usage.data ? (
        <Loading />
      ) : usage.data.tenants === null ? (
        <Empty title="You may not see this">
          <p>The usage of other tenants needs the scope “operator”.</p>
        </Empty>
      ) : tenants.length ? (
        <UsageTable tenants={tenants} total={usage.data.total.cost} />
      ) : (
        <p class="card-body muted">Nothing was used in this month.</p>
      )}
      {usage.data && tenants.length ? (
        <p class="card-body small muted">
          Estimated by the list prices of {usage.data.region}, as of {usage.data.pricesChecked}; in all {dollars(usage.data.total.cost)}. At most 100 tenants are listed, the others are summed up as “other”.
        </p>
      ) : null}
    </section>
  );
}

function UsageTable({ tenants, total }: { tenants: readonly TenantUsage[]; total: number }) {
  return (
    <table class="table table-cards tenant-table">
      <thead>
        <tr>
          <th scope="col">Tenant</th>
          <th scope="col" class="cell-number">Submitted</th>
          <th scope="col" class="cell-number">Ended</th>
          <th scope="col" class="cell-number">Attempts</th>
          <th scope="col" class="cell-number">Cost</th>
          <th scope="col" class="cell-number">A million jobs</th>
        </tr>
      </thead>
      <tbody>
        {tenants.map((tenant) => (
          <tr key={tenant.tenant}>
            <th scope="row" title={tenant.tenant}>
              {tenant.tenant}
            </th>
            <td class="cell-number" data-label="submitted">{compact(tenant.submitted)}</td>
            <td class="cell-number" data-label="ended">{compact(tenant.ended)}</td>
            <td class="cell-number" data-label="attempts">{compact(tenant.attempts)}</td>
            <td class="cell-number" data-label="cost">
              {dollars(tenant.cost)} <span class="muted small">{share(tenant.cost, total)}</span>
            </td>
            <td class="cell-number" data-label="a million jobs">{tenant.costPerMillion === null ? "–" : dollars(tenant.costPerMillion)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function DeadLettersCard() {
  const cursor = query.value.get("cursor") ?? "";
  const list = useLive<TenantsDeadLetters>(
    `dead letters by tenant ${cursor}`,
    (etag) => read(api.GET("/dead-letters/by-tenant", { params: { query: cursor ? { cursor } : {} }, headers: unlessSame(etag) })),
    "slow",
  );
  return (
    <section class="card" aria-label="Dead letters by tenant" aria-busy={list.loading}>
      <div class="card-head">
        <h2>Dead letters</h2>
      </div>
      {list.data?.missing ? (
        <div class="card-body">
          <Notice tone="warn">Jobs from before the upgrade of the table are missing until “whendue migrate” has run.</Notice>
        </div>
      ) : null}
      {list.problem && !list.data ? (
        <Failed problem={list.problem} retry={list.refresh} />
      ) : !list.data ? (
        <Loading />
      ) : list.data.items.length ? (
        <ul class="tenants">
          {list.data.items.map((tenant) => (
            <li key={tenant.tenant}>
              <Dead tenant={tenant} />
            </li>
          ))}
        </ul>
      ) : (
        <p class="card-body muted">{list.data.cursor ? "None of these tenants has dead jobs; there are further ones." : "No tenant has dead jobs."}</p>
      )}
      {cursor || list.data?.cursor ? (
        <div class="card-body row">
          <button type="button" class="button button-small" disabled={!cursor} onClick={() => setQuery({ cursor: null })}>
            First tenants
          </button>
          <button type="button" class="button button-small" disabled={!list.data?.cursor} onClick={() => setQuery({ cursor: list.data?.cursor ?? null })}>
            Next tenants
          </button>
        </div>
      ) : null}
    </section>
  );
}

function Dead({ tenant }: { tenant: TenantDeadLetters }) {
  return (
    <article class="card-body stack-s" aria-label={`Dead letters of ${tenant.tenant}`}>
      <h3 class="wrap-anywhere">
        {tenant.tenant}{" "}
        <span class="muted small">
          {things(tenant.jobs, "dead job")}
          {tenant.hasMore ? " or more" : ""}
        </span>
      </h3>
      <ul class="stack-s small">
        {tenant.groups.map((group) => (
          <li key={group.fingerprint} class="tenant-group">
            <strong class="number">{count(group.count)}</strong>
            <span class="wrap-anywhere">
              {group.error.type}: <span class="muted">{group.error.message}</span>
              <span class="muted">
                {" "}
                · {group.types.join(", ")} · last <Time at={group.lastAt} />
              </span>
            </span>
          </li>
        ))}
      </ul>
      {tenant.otherGroups ? <p class="small muted">and {things(tenant.otherGroups, "smaller group")}</p> : null}
    </article>
  );
}
