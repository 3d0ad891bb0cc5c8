/** What the attempts have logged, the newest attempt first. */
import type { Live } from "../../api/live.js";
import type { JobLogs } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { absolute, instant } from "../../format/times.js";
import { zone } from "../../shell/clock.js";
import { Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";

type AttemptLog = JobLogs["items"][number];

export function Logs({ logs }: { logs: Live<JobLogs> }) {
  return (
    <section class="card" aria-label="Logs">
      <div class="card-head">
        <h2>Logs</h2>
      </div>
      <div class="card-body stack">
        {logs.problem ? (
          <Failed problem={logs.problem} retry={logs.refresh} />
        ) : !logs.data ? (
          <Loading lines={2} />
        ) : logs.data.items.length ? (
          logs.data.items.map((item) => <OfAttempt key={`${item.attempt} ${item.endedAt}`} log={item} />)
        ) : (
          <p class="muted">No attempt has logged anything. Lines are kept when an attempt ends.</p>
        )}
      </div>
    </section>
  );
}

function OfAttempt({ log }: { log: AttemptLog }) {
  return (
    <div class="stack-s">
      <h3>
        Attempt {log.attempt}{" "}
        <span class="muted small">
          ended <Time at={log.endedAt} />
        </span>
      </h3>
      <ol class="code log" tabIndex={0} aria-label={`Lines of attempt ${log.attempt}`}>
        {log.lines.map((line, number) => (
          <>
            {number === log.droppedAfter && log.dropped ? (
              <li key="dropped" class="muted">
                … {things(log.dropped, "line")} not kept …
              </li>
            ) : null}
            <li key={number} data-level={line.level} title={line.logger}>
              <span class="muted">{absolute(instant(line.at) ?? 0, zone.value).slice(11)}</span> <span class="log-level">{line.level}</span> {line.message}
            </li>
          </>
        ))}
      </ol>
    </div>
  );
}
