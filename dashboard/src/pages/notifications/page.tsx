/** Notifications: who is notified of what, and whether that works. */
import { useState } from "preact/hooks";
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { Subscription, SubscriptionList, SubscriptionWithSecret } from "../../api/types.js";
import { pathOf } from "../../routing/paths.js";
import { go, Link } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { PageHead } from "../../shell/page-head.js";
import { Badge } from "../../ui/badge.js";
import { Icon } from "../../ui/icons.js";
import { Empty, Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { aboutOf, targetOf } from "./draft.js";
import { SubscriptionEditor } from "./editor.js";
import { KeyDialog } from "./key-dialog.js";

export default function NotificationsPage() {
  const list = useLive<SubscriptionList>("subscriptions", (etag) => read(api.GET("/subscriptions", { headers: unlessSame(etag) })), "slow");
  const [isCreating, setCreating] = useState(false);
  const [made, setMade] = useState<SubscriptionWithSecret | null>(null);
  return (
    <>
      <PageHead title="Notifications">
        {may("admin") ? (
          <button type="button" class="button button-primary" onClick={() => setCreating(true)}>
            <Icon name="plus" />
            New subscription
          </button>
        ) : null}
      </PageHead>
      <section class="card" aria-label="Subscriptions">
        {list.problem && !list.data ? (
          <Failed problem={list.problem} retry={list.refresh} />
        ) : !list.data ? (
          <Loading />
        ) : list.data.items.length ? (
          <SubscriptionTable subscriptions={list.data.items} />
        ) : (
          <Empty title="No subscriptions">
            <p>A subscription sends a webhook, a mail or an SNS message when jobs end, fail, or a schedule misses a fire.</p>
          </Empty>
        )}
      </section>
      {isCreating ? <SubscriptionEditor before={null} etag={null} close={() => setCreating(false)} saved={setMade} /> : null}
      {made ? <KeyDialog subscription={made} close={() => go(pathOf("notifications", made.name))} /> : null}
    </>
  );
}

function SubscriptionTable({ subscriptions }: { subscriptions: readonly Subscription[] }) {
  return (
    <table class="table table-cards subscription-table">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">State</th>
          <th scope="col">Where to</th>
          <th scope="col">Events</th>
          <th scope="col">Of</th>
        </tr>
      </thead>
      <tbody>
        {subscriptions.map((subscription) => (
          <tr key={subscription.name}>
            <th scope="row">
              <Link to={pathOf("notifications", subscription.name)}>{subscription.name}</Link>
            </th>
            <td>
              <Health subscription={subscription} />
            </td>
            <td class="cell-wrap">
              {subscription.channel} <span class="muted">{targetOf(subscription)}</span>
            </td>
            <td class="cell-wrap">{subscription.events.join(", ")}</td>
            <td class="cell-wrap muted">{aboutOf(subscription)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** Whether a subscription works. */
export function Health({ subscription }: { subscription: Subscription }) {
  if (!subscription.active) return <Badge state="disabled" />;
  if (!subscription.failingSince) return <Badge state="active" />;
  return (
    <>
      <Badge state="failing" tone="bad" />{" "}
      <span class="small muted">
        since <Time at={subscription.failingSince} />
      </span>
    </>
  );
}
