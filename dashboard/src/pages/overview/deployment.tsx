/** The whole deployment in figures, for those who may read its metrics: in all, and while this page is open. */
import { useRef } from "preact/hooks";
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import { count } from "../../format/numbers.js";
import { duration } from "../../format/times.js";
import { now } from "../../shell/clock.js";
import { Badge } from "../../ui/badge.js";
import { Failed, Loading } from "../../ui/states.js";
import { samplesOf, type Sample } from "./exposition.js";
import { figuresOf, type Figures } from "./figures.js";

const ENDS = ["succeeded", "dead", "cancelled", "expired"] as const;

export function Deployment() {
  const metrics = useLive<string>("metrics", (etag) => read(api.GET("/actuator/prometheus", { parseAs: "text", headers: unlessSame(etag) })), "slow");
  const first = useRef<{ samples: readonly Sample[]; at: number } | null>(null);
  const samples = metrics.data === null ? null : samplesOf(metrics.data);
  if (samples && !first.current) first.current = { samples, at: now.value };
  return (
    <section class="card" aria-label="Deployment">
      <div class="card-head">
        <h2>Deployment</h2>
        <span class="muted small">all tenants</span>
      </div>
      {samples && first.current ? (
        <FigureTable all={figuresOf(samples, null)} recent={figuresOf(samples, first.current.samples)} since={duration(Math.max(now.value - first.current.at, 1000))} />
      ) : metrics.problem ? (
        <Failed problem={metrics.problem} retry={metrics.refresh} />
      ) : (
        <Loading />
      )}
    </section>
  );
}

function FigureTable({ all, recent, since }: { all: Figures; recent: Figures; since: string }) {
  const late = (seconds: number | null) => (seconds === null ? "–" : duration(seconds * 1000));
  const share = ({ attempts, failed }: Figures) => (attempts ? `${((100 * failed) / attempts).toFixed(1)} %` : "–");
  const rows: [string, (figures: Figures) => string, boolean?][] = [
    ["Submitted", ({ submitted }) => count(submitted)],
    ...ENDS.map((state): [string, (figures: Figures) => string, boolean] => [state, ({ ended }) => count(ended[state] ?? 0), true]),
    ["Attempts failed", share],
    ["Late, half at most", ({ late50 }) => late(late50)],
    ["Late, 99 % at most", ({ late99 }) => late(late99)],
  ];
  return (
    <table class="table figures">
      <thead>
        <tr>
          <th scope="col">
            <span class="visually-hidden">Figure</span>
          </th>
          <th scope="col" class="cell-number">
            Last {since}
          </th>
          <th scope="col" class="cell-number">
            In all
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, show, isState]) => (
          <tr key={name}>
            <td class={isState ? "" : "muted"}>{isState ? <Badge state={name} /> : name}</td>
            <td class="cell-number">{show(recent)}</td>
            <td class="cell-number">{show(all)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
