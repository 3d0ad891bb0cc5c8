/** Fires to come, in the reader's time and in the schedule's. */
import type { Preview } from "../../api/types.js";
import { Time } from "../../ui/time.js";
import { localText, noteText } from "./rhythm.js";

export function NextFires({ items, zoneName }: { items: Preview["items"]; zoneName: string }) {
  if (!items.length) return <p class="card-body muted">It does not fire any more.</p>;
  return (
    <ol class="next-fires">
      {items.map((fire) => (
        <li key={fire.nominalAt ?? fire.local}>
          <Time at={fire.dueAt} form="both" />
          <span class="muted small">
            {localText(fire.local)} in {zoneName}
          </span>
          {fire.note ? <span class="badge tone-warn">{noteText(fire.note)}</span> : null}
        </li>
      ))}
    </ol>
  );
}
