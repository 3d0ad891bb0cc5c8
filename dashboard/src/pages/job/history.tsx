/** What happened to the job, the newest first, and who asked for it. */
import type { Live } from "../../api/live.js";
import type { JobEvent, JobEventList } from "../../api/types.js";
import { absolute, instant, short } from "../../format/times.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { now, zone } from "../../shell/clock.js";
import { Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";

export function History({ events }: { events: Live<JobEventList> }) {
  return (
    <section class="card" aria-label="History">
      <div class="card-head">
        <h2>History</h2>
      </div>
      <div class="card-body">
        {events.problem ? (
          <Failed problem={events.problem} retry={events.refresh} />
        ) : !events.data ? (
          <Loading lines={3} />
        ) : (
          <ol class="history">
            {events.data.items.map((event, number) => (
              <li key={`${event.type} ${event.at} ${number}`} class={`history-item history-${event.type}`}>
                <span class="history-text">{wordsOf(event)}</span>
                <span class="muted small">
                  <Time at={event.at} form="both" />
                  {event.by ? ` by ${event.by}` : ""}
                  {event.operationId ? (
                    <>
                      {" "}
                      with <Link to={pathOf("operations", event.operationId)}>a bulk operation</Link>
                    </>
                  ) : null}
                </span>
              </li>
            ))}
            {events.data.complete ? null : <li class="muted small">Older events were not kept.</li>}
          </ol>
        )}
      </div>
    </section>
  );
}

function wordsOf(event: JobEvent): string {
  switch (event.type) {
    case "started":
      return `Attempt ${event.attempt} started`;
    case "failed":
      return `Attempt ${event.attempt} failed: ${event.error?.type ?? ""}`;
    case "lost":
      return `${event.workers === 1 ? "A worker was" : `${event.workers} workers were`} lost`;
    case "rescheduled":
      return `Rescheduled from ${timeOf(event.previousDueAt)} to ${timeOf(event.dueAt)}${changed(event)}`;
    case "reprioritised":
      return `Moved to another queue${changed(event)}`;
    case "redriven":
      return `Run again, due ${timeOf(event.dueAt)}`;
    case "redrive_undone":
      return "The redrive was undone";
    case "cancel_requested":
      return "Cancel asked for";
    case "dead":
      return `Ended: dead${event.error ? ` (${event.error.type})` : ""}${event.expiresAt ? `; it had expired ${timeOf(event.expiresAt)}` : ""}`;
    case "cancelled":
      return `Ended: ${event.type}${event.error ? ` (${event.error.type})` : ""}`;
    case "succeeded":
    case "expired":
      return `Ended: ${event.type}`;
    case "submitted":
      return "Submitted";
    default:
      return event.type;
  }
}

function changed(event: JobEvent): string {
  return event.priority ? `: ${event.previousPriority ?? "?"} → ${event.priority}` : "";
}

function timeOf(text: string | null): string {
  const ms = instant(text);
  return ms === null ? "?" : text === null ? absolute(ms, zone.value) : short(ms, now.value, zone.value);
}
