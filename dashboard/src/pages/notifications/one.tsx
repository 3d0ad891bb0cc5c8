/** One subscription: what it sends where, whether that works, and its delivery log. */
import { useState } from "preact/hooks";
import { api, done, read } from "../../api/client.js";
import { refreshAll, useLive } from "../../api/live.js";
import { asApiError } from "../../api/problems.js";
import type { Subscription, SubscriptionWithSecret } from "../../api/types.js";
import { pathOf } from "../../routing/paths.js";
import { go, Link } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { PageHead } from "../../shell/page-head.js";
import type { PageProps } from "../../shell/pages.js";
import { Confirm } from "../../ui/dialog.js";
import { CopyJson, Json } from "../../ui/json-view.js";
import { Failed, Loading, Notice } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { toast } from "../../ui/toasts.js";
import { Deliveries } from "./deliveries.js";
import { aboutOf } from "./draft.js";
import { SubscriptionEditor } from "./editor.js";
import { KeyDialog } from "./key-dialog.js";
import { Health } from "./page.js";

/** A subscription and the ETag that it is changed with. */
interface Found {
  subscription: Subscription;
  etag: string | null;
}

export default function SubscriptionPage({ parameter }: PageProps) {
  const name = parameter ?? "";
  const found = useLive<Found>(
    `subscription ${name}`,
    async () => {
      const { data, etag } = await read(api.GET("/subscriptions/{name}", { params: { path: { name } } }));
      return { data: data && { subscription: data, etag }, etag: null };
    },
    "slow",
  );
  if (!found.data) {
    return (
      <>
        <PageHead title={name} />
        <section class="card">{found.problem ? <Failed problem={found.problem} retry={found.refresh} /> : <Loading />}</section>
      </>
    );
  }
  const { subscription } = found.data;
  return (
    <>
      <nav class="small crumb" aria-label="Where this is">
        <Link to={pathOf("notifications")}>Notifications</Link>
      </nav>
      <PageHead title={subscription.name} badge={<Health subscription={subscription} />}>
        <SubscriptionActions {...found.data} />
      </PageHead>
      <div class="stack">
        {subscription.disabledAt ? (
          <Notice tone="bad">
            Disabled <Time at={subscription.disabledAt} />
            {subscription.disabledReason ? `: ${subscription.disabledReason}` : ""}. Nothing is sent until it is enabled.
          </Notice>
        ) : null}
        <About subscription={subscription} />
        <Deliveries name={name} />
      </div>
    </>
  );
}

function About({ subscription }: { subscription: Subscription }) {
  return (
    <section class="card" aria-label="Settings">
      <div class="card-head">
        <h2>What it sends</h2>
        <span class="row-end">
          <CopyJson value={subscription.config} what="the settings" />
        </span>
      </div>
      <div class="card-body stack">
        <dl class="facts">
          <dt>Channel</dt>
          <dd>{subscription.channel}</dd>
          <dt>Events</dt>
          <dd class="wrap-anywhere">{subscription.events.join(", ")}</dd>
          <dt>Of</dt>
          <dd class="wrap-anywhere">{aboutOf(subscription)}</dd>
          <dt>Created</dt>
          <dd>
            <Time at={subscription.createdAt} form="both" />
          </dd>
          {subscription.publicKey ? (
            <>
              <dt>Public key</dt>
              <dd>
                <code class="wrap-anywhere">{subscription.publicKey}</code>
              </dd>
            </>
          ) : null}
          {subscription.oldKeyUntil ? (
            <>
              <dt>Previous key</dt>
              <dd>
                signs as well until <Time at={subscription.oldKeyUntil} form="both" />
              </dd>
            </>
          ) : null}
        </dl>
        <Json value={subscription.config} what="Settings of the channel" />
      </div>
    </section>
  );
}

type Action = "edit" | "rotate" | "delete";

function SubscriptionActions({ subscription, etag }: Found) {
  const [action, setAction] = useState<Action | null>(null);
  const [begun, setBegun] = useState<Found>({ subscription, etag });
  const [key, setKey] = useState<SubscriptionWithSecret | null>(null);
  if (!may("admin")) return null;
  const params = { path: { name: subscription.name } };
  const close = () => setAction(null);

  async function act(work: () => Promise<unknown>, text: string): Promise<void> {
    try {
      await work();
      toast(text);
      refreshAll();
    } catch (thrown) {
      toast(asApiError(thrown).detail, false);
    }
  }

  return (
    <>
      {subscription.active ? (
        <button type="button" class="button button-primary" onClick={() => void act(() => done(api.POST("/subscriptions/{name}/test", { params })), "A test notification is on its way.")}>
          Send a test
        </button>
      ) : (
        <button type="button" class="button button-primary" onClick={() => void act(() => done(api.POST("/subscriptions/{name}/enable", { params })), "Enabled: notifications are sent from now on.")}>
          Enable
        </button>
      )}
      <button
        type="button"
        class="button"
        onClick={() => {
          setBegun({ subscription, etag });
          setAction("edit");
        }}
      >
        Edit
      </button>
      <button type="button" class="button" onClick={() => setAction("rotate")}>
        New key
      </button>
      <button type="button" class="button button-danger" onClick={() => setAction("delete")}>
        Delete
      </button>
      {action === "edit" ? <SubscriptionEditor before={begun.subscription} etag={begun.etag} close={close} saved={() => undefined} /> : null}
      {action === "rotate" ? (
        <Confirm
          title="Make a new key"
          verb="Make a new key"
          close={close}
          carryOut={async () => {
            setKey(await done(api.POST("/subscriptions/{name}/rotate-secret", { params })));
            refreshAll();
          }}
        >
          <p>For 24 hours the previous key signs as well, so that the receiver can take the new one meanwhile.</p>
        </Confirm>
      ) : null}
      {action === "delete" ? (
        <Confirm
          title="Delete this subscription"
          verb="Delete"
          danger
          close={close}
          carryOut={async () => {
            await done(api.DELETE("/subscriptions/{name}", { params }));
            toast("Deleted.");
            go(pathOf("notifications"), { replace: true });
          }}
        >
          <p>Deliveries that have not ended are not sent any more.</p>
        </Confirm>
      ) : null}
      {key ? <KeyDialog subscription={key} close={() => setKey(null)} /> : null}
    </>
  );
}
