/** The delivery log of a subscription: each notification, how its attempts went, and how to send it again. */
import { useState } from "preact/hooks";
import { api, done, read, unlessSame } from "../../api/client.js";
import { refreshAll, useLive } from "../../api/live.js";
import { asApiError } from "../../api/problems.js";
import type { Delivery, DeliveryList } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { hasEnded } from "../../format/states.js";
import { pathOf } from "../../routing/paths.js";
import { Link, query, setQuery } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { Badge } from "../../ui/badge.js";
import { Select } from "../../ui/field.js";
import { Failed, Loading, Notice } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { toast } from "../../ui/toasts.js";

const STATES = ["scheduled", "queued", "running", "succeeded", "dead", "cancelled"] as const;

export function Deliveries({ name }: { name: string }) {
  const state = query.value.get("state") ?? "";
  const cursor = query.value.get("cursor") ?? "";
  const asked = { ...(state ? { state } : {}), ...(cursor ? { cursor } : {}) };
  const list = useLive<DeliveryList>(`deliveries ${name} ${state} ${cursor}`, (etag) =>
    read(api.GET("/subscriptions/{name}/deliveries", { params: { path: { name }, query: asked }, headers: unlessSame(etag) })),
  );
  return (
    <section class="card" aria-label="Delivery log" aria-busy={list.loading}>
      <div class="card-head">
        <h2>Delivery log</h2>
        <div class="row-end log-filter">
          <Select label="State" value={state} change={(value) => setQuery({ state: value || null, cursor: null })} options={[["", "Any state"], ...STATES.map((each) => [each, each] as const)]} />
        </div>
      </div>
      {list.data?.missing ? (
        <div class="card-body">
          <Notice tone="warn">Deliveries from before the upgrade of the table are missing until the operator has run “whendue migrate”.</Notice>
        </div>
      ) : null}
      {list.problem && !list.data ? (
        <Failed problem={list.problem} retry={list.refresh} />
      ) : !list.data ? (
        <Loading />
      ) : list.data.items.length ? (
        <DeliveryTable name={name} deliveries={list.data.items} />
      ) : (
        <p class="card-body muted">{state ? "No delivery in this state." : "Nothing was sent yet."}</p>
      )}
      {cursor || list.data?.cursor ? (
        <div class="card-body row">
          <button type="button" class="button button-small" disabled={!cursor} onClick={() => setQuery({ cursor: null })}>
            First page
          </button>
          <button type="button" class="button button-small" disabled={!list.data?.cursor} onClick={() => setQuery({ cursor: list.data?.cursor ?? null })}>
            Older
          </button>
        </div>
      ) : null}
    </section>
  );
}

function DeliveryTable({ name, deliveries }: { name: string; deliveries: readonly Delivery[] }) {
  return (
    <table class="table table-cards delivery-table">
      <thead>
        <tr>
          <th scope="col">Event</th>
          <th scope="col">State</th>
          <th scope="col">How it went</th>
          <th scope="col">Created</th>
          <th scope="col">
            <span class="visually-hidden">Actions</span>
          </th>
        </tr>
      </thead>
      <tbody>
        {deliveries.map((delivery) => (
          <tr key={delivery.id}>
            <th scope="row">
              <Link to={pathOf("jobs", delivery.id)}>{delivery.event}</Link>
            </th>
            <td>
              <Badge state={delivery.state} />
            </td>
            <td class="cell-wrap">
              <Course delivery={delivery} />
            </td>
            <td class="muted">
              <Time at={delivery.createdAt} />
            </td>
            <td class="cell-actions">{may("admin") && hasEnded(delivery.state) ? <Replay name={name} delivery={delivery} /> : null}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Course({ delivery }: { delivery: Delivery }) {
  const tries = things(delivery.attempts.length, "attempt");
  const error = delivery.attempts.findLast((attempt) => attempt.error)?.error;
  if (delivery.state === "succeeded") return <span>{tries}</span>;
  return (
    <span>
      {tries}
      {error ? (
        <span class="muted">
          {" "}
          · {error.type}: {error.message}
        </span>
      ) : null}
      {hasEnded(delivery.state) || !delivery.attempts.length ? null : (
        <span class="muted">
          {" "}
          · next <Time at={delivery.dueAt} />
        </span>
      )}
    </span>
  );
}

function Replay({ name, delivery }: { name: string; delivery: Delivery }) {
  const [busy, setBusy] = useState(false);
  async function again(): Promise<void> {
    setBusy(true);
    try {
      await done(api.POST("/subscriptions/{name}/deliveries/{delivery_id}/replay", { params: { path: { name, delivery_id: delivery.id } } }));
      toast("It is sent again, under the same id.");
      refreshAll();
    } catch (thrown) {
      toast(asApiError(thrown).detail, false);
    } finally {
      setBusy(false);
    }
  }
  return (
    <button type="button" class="button button-small" disabled={busy} onClick={() => void again()}>
      Send again
    </button>
  );
}
