/** The timeline, drawn to scale; and the same as a list, for those who cannot see it and for exact numbers. */
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { JobDetails, JobEvent } from "../../api/types.js";
import { absolute, duration } from "../../format/times.js";
import { now, zone } from "../../shell/clock.js";
import { isWorthZooming, ticks, timelineOf, zoomed, type Mark, type Span, type Timeline } from "./timeline.js";

const HEIGHT = 96;
const BAR_TOP = 30;
const BAR_HEIGHT = 26;
const AXIS = 76;
/** What is shorter is drawn as wide as this, to be seen at all. */
const LEAST_PX = 3;
const TICK_PX = 110;

export function TimelineCard({ job, events }: { job: JobDetails; events: readonly JobEvent[] }) {
  const [isNear, setNear] = useState<boolean | null>(null);
  const whole = timelineOf(job, events, now.value);
  const worth = isWorthZooming(whole);
  const near = worth && (isNear ?? false);
  const shown = near ? zoomed(whole) : whole;
  return (
    <section class="card" aria-label="Timeline">
      <div class="card-head">
        <h2>Timeline</h2>
        <span class="muted small">
          {duration(shown.to - shown.from)}, to scale
        </span>
        {worth ? (
          <button type="button" class="button button-small row-end" aria-pressed={near} onClick={() => setNear(!near)}>
            {near ? "Whole life" : "Zoom to the attempts"}
          </button>
        ) : null}
      </div>
      <div class="card-body stack">
        <Drawing timeline={shown} />
        <Legend spans={whole.spans} />
      </div>
    </section>
  );
}

function Drawing({ timeline }: { timeline: Timeline }) {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const node = box.current;
    if (!node) return undefined;
    setWidth(node.clientWidth);
    const observer = new ResizeObserver(() => setWidth(node.clientWidth));
    observer.observe(node);
    return () => observer.disconnect();
  }, []);
  const length = timeline.to - timeline.from;
  const x = (at: number) => 8 + ((at - timeline.from) / length) * Math.max(width - 16, 1);
  return (
    <div class="timeline" ref={box}>
      <svg width={width} height={HEIGHT} role="img" aria-label={`${timeline.spans.length} spans in ${duration(length)}; the list below has them.`}>
        {ticks(length, Math.max(Math.floor(width / TICK_PX), 2)).map((ms) => (
          <g key={ms} class="timeline-tick">
            <line x1={x(timeline.from + ms)} x2={x(timeline.from + ms)} y1={BAR_TOP - 6} y2={AXIS - 8} />
            <text x={x(timeline.from + ms)} y={AXIS + 8} text-anchor={ms ? (x(timeline.from + ms) > width - 40 ? "end" : "middle") : "start"}>
              {ms ? `+${duration(ms)}` : absolute(timeline.from, zone.value).slice(11)}
            </text>
          </g>
        ))}
        {timeline.spans.map((span) => (
          <SpanBar key={`${span.kind} ${span.from}`} span={span} x={x} />
        ))}
        {timeline.marks.map((mark) => (
          <MarkLine key={`${mark.kind} ${mark.at}`} mark={mark} x={x(mark.at)} />
        ))}
      </svg>
    </div>
  );
}

function SpanBar({ span, x }: { span: Span; x: (at: number) => number }) {
  const wide = Math.max(x(span.to) - x(span.from), LEAST_PX);
  const isRun = span.kind === "run" || span.kind === "failed" || span.kind === "succeeded";
  const top = isRun ? BAR_TOP : BAR_TOP + BAR_HEIGHT / 4;
  return (
    <g class={`span span-${span.kind}`}>
      <rect x={x(span.from)} y={top} width={wide} height={isRun ? BAR_HEIGHT : BAR_HEIGHT / 2} rx={Math.min(3, wide / 2)} />
      <title>
        {span.text}: {duration(span.to - span.from)}
      </title>
    </g>
  );
}

function MarkLine({ mark, x }: { mark: Mark; x: number }) {
  return (
    <g class={`mark mark-${mark.kind}`}>
      <line x1={x} x2={x} y1={16} y2={BAR_TOP + BAR_HEIGHT + 4} />
      <circle cx={x} cy={14} r={4} />
      <title>
        {mark.text}: {absolute(mark.at, zone.value)}
      </title>
    </g>
  );
}

const FIRST_SHOWN = 12;

function Legend({ spans }: { spans: readonly Span[] }) {
  const [all, setAll] = useState(false);
  const shown = all ? spans : spans.slice(-FIRST_SHOWN);
  return (
    <div class="stack-s">
      {shown.length < spans.length ? (
        <button type="button" class="button button-small" onClick={() => setAll(true)}>
          Show all {spans.length}
        </button>
      ) : null}
      <ol class="spans" aria-label="Spans of the timeline">
        {shown.map((span) => (
          <li key={`${span.kind} ${span.from}`}>
            <span class={`span-mark span-mark-${span.kind}`} />
            <span>{span.text}{span.kind === "failed" ? ", failed" : span.kind === "succeeded" ? ", succeeded" : span.kind === "run" ? ", running" : ""}</span>
            <span class="number muted">{duration(span.to - span.from)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}
