/** The key that a receiver verifies signatures with: the secret is shown here, and never again. */
import type { SubscriptionWithSecret } from "../../api/types.js";
import { Copy } from "../../ui/copy.js";
import { Dialog } from "../../ui/dialog.js";
import { Notice } from "../../ui/states.js";

export function KeyDialog({ subscription, close }: { subscription: SubscriptionWithSecret; close: () => void }) {
  const key = subscription.secret ?? subscription.publicKey ?? "";
  return (
    <Dialog title={`Key of ${subscription.name}`} close={close}>
      {subscription.secret ? <Notice tone="warn">Store it now: it is not shown again. The receiver verifies signatures with it.</Notice> : <p>The receiver verifies signatures with this public key.</p>}
      <p class="row">
        <code class="wrap-anywhere">{key}</code>
        <Copy text={key} what="the key" />
      </p>
      <div class="dialog-actions">
        <button type="button" class="button button-primary" onClick={close}>
          I have stored it
        </button>
      </div>
    </Dialog>
  );
}
