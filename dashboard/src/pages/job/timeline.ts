/** The life of a job as spans and marks on a line drawn to scale. Pure. */
import { instant } from "../../format/times.js";
import { hasEnded } from "../../format/states.js";
import type { Attempt, JobDetails, JobEvent } from "../../api/types.js";

const PROMISED_MS = 1000;

export type SpanKind = "planned" | "late" | "run" | "failed" | "succeeded" | "backoff" | "over";

/** A stretch of time, ms since 1970. */
export interface Span {
  kind: SpanKind;
  from: number;
  to: number;
  /** In words, without the length. */
  text: string;
}

/** A moment, ms since 1970. */
export interface Mark {
  at: number;
  kind: "submitted" | "due" | "lost" | "changed" | "end" | "now";
  text: string;
}

export interface Timeline {
  spans: readonly Span[];
  marks: readonly Mark[];
  from: number;
  to: number;
}

/**
 * Return the timeline of a job.
 *
 * @param job with its latest attempts
 * @param events of it, in any order
 * @param nowMs now: where what goes on ends
 */
export function timelineOf(job: JobDetails, events: readonly JobEvent[], nowMs: number): Timeline {
  const created = instant(job.createdAt) ?? nowMs;
  const due = instant(job.dueAt);
  const spans: Span[] = [];
  let since = created;
  let isFirst = true;
  for (const attempt of job.attempts) {
    const started = instant(attempt.startedAt);
    if (started === null) continue;
    const again = isFirst ? null : redriven(events, since, started);
    if (again !== null) spans.push({ kind: "over", from: since, to: again, text: "Had ended, until it was run again" });
    spans.push(...before(again ?? since, started, isFirst ? firstDue(job, events, started) : null, isFirst || again !== null));
    const ended = instant(attempt.endedAt) ?? Math.max(nowMs, started);
    spans.push({ kind: kindOf(attempt), from: started, to: ended, text: `Attempt ${attempt.attempt}` });
    since = ended;
    isFirst = false;
  }
  if (!hasEnded(job.state) && job.state !== "running") {
    const again = isFirst ? null : redriven(events, since, nowMs);
    if (again !== null) spans.push({ kind: "over", from: since, to: again, text: "Had ended, until it was run again" });
    spans.push(...open(job, again ?? since, due, nowMs, isFirst || again !== null));
  }
  const marks = marksOf(job, events, created, due, nowMs);
  const ends = [...spans.map(({ to }) => to), ...marks.map(({ at }) => at)];
  return { spans, marks, from: Math.min(created, ...marks.map(({ at }) => at)), to: Math.max(created + 1, ...ends) };
}

/** When an ended job was run again between two times; null if it was not. */
function redriven(events: readonly JobEvent[], from: number, to: number): number | null {
  const times = events.filter(({ type }) => type === "redriven").map(({ at }) => instant(at));
  return times.filter((ms): ms is number => ms !== null && ms >= from && ms <= to).sort((one, other) => one - other).at(-1) ?? null;
}

function kindOf(attempt: Attempt): SpanKind {
  return attempt.state === "failed" ? "failed" : attempt.state === "succeeded" ? "succeeded" : "run";
}

/** When the first attempt was due: known from the job before it ran again, else from the changes of its due time. */
function firstDue(job: JobDetails, events: readonly JobEvent[], started: number): number | null {
  const nominal = instant(job.nominalAt);
  const moved = events
    .filter(({ type, at }) => type === "rescheduled" && (instant(at) ?? started) <= started)
    .map(({ dueAt }) => instant(dueAt))
    .findLast((ms) => ms !== null);
  const known = moved ?? (job.attempts.length === 1 ? instant(job.dueAt) : null) ?? nominal;
  return known !== null && known <= started ? known : null;
}

function before(since: number, started: number, due: number | null, isFirst: boolean): Span[] {
  if (!isFirst) return [{ kind: "backoff", from: since, to: started, text: "Backoff" }];
  if (due === null) return [{ kind: "planned", from: since, to: started, text: "Waited to start" }];
  const turn = Math.max(since, due);
  return [
    ...(turn > since ? [{ kind: "planned", from: since, to: turn, text: "Waited until it was due" } as const] : []),
    ...(started > turn ? [late(turn, started)] : []),
  ];
}

/** A start within a second is in time (guarantee G6): before it the message was under way. */
function late(due: number, started: number): Span {
  return started - due > PROMISED_MS
    ? { kind: "late", from: due, to: started, text: "Started late by" }
    : { kind: "planned", from: due, to: started, text: "Due, on its way to a worker" };
}

/** What goes on now: the time until it is due, and the time since then. */
function open(job: JobDetails, since: number, due: number | null, nowMs: number, isFirst: boolean): Span[] {
  const kind: SpanKind = isFirst ? "planned" : "backoff";
  const text = job.state === "waiting" ? "Waits for other jobs" : isFirst ? "Waits until it is due" : "Backoff";
  if (job.state === "waiting" || due === null) return [{ kind, from: since, to: Math.max(nowMs, since), text }];
  const turn = Math.max(since, due);
  return [
    { kind, from: since, to: turn, text },
    ...(nowMs > turn ? [{ kind: "late", from: turn, to: nowMs, text: "Due, and not started" } as const] : []),
  ];
}

function marksOf(job: JobDetails, events: readonly JobEvent[], created: number, due: number | null, nowMs: number): Mark[] {
  const marks: Mark[] = [{ at: created, kind: "submitted", text: "Submitted" }];
  if (due !== null && !hasEnded(job.state)) marks.push({ at: due, kind: "due", text: "Due" });
  for (const event of events) {
    const at = instant(event.at);
    if (at === null) continue;
    if (event.type === "lost") marks.push({ at, kind: "lost", text: "Worker lost" });
    else if (CHANGES.has(event.type)) marks.push({ at, kind: "changed", text: `${CHANGES.get(event.type)}${event.by ? ` by ${event.by}` : ""}` });
  }
  const finished = instant(job.finishedAt);
  if (finished !== null) marks.push({ at: finished, kind: "end", text: `Ended: ${job.state}` });
  else marks.push({ at: nowMs, kind: "now", text: "Now" });
  return marks.sort((one, other) => one.at - other.at);
}

const CHANGES: ReadonlyMap<string, string> = new Map([
  ["rescheduled", "Rescheduled"],
  ["reprioritised", "Moved to another queue"],
  ["cancel_requested", "Cancel asked for"],
  ["redriven", "Run again"],
  ["redrive_undone", "Redrive undone"],
]);

/** Return the part of a timeline that begins a little before the first attempt: long waits hide short runs. */
export function zoomed(timeline: Timeline): Timeline {
  const first = timeline.spans.find(({ kind }) => kind !== "planned");
  if (!first) return timeline;
  const room = Math.max((timeline.to - first.from) * 0.05, 50);
  const from = Math.max(timeline.from, first.from - room);
  const clipped = timeline.spans
    .filter(({ to }) => to > from)
    .map((span) => ({ ...span, from: Math.max(span.from, from) }));
  return { spans: clipped, marks: timeline.marks.filter(({ at }) => at >= from), from, to: timeline.to };
}

/** Return whether runs are so short beside the waits that a closer look is worth its button. */
export function isWorthZooming(timeline: Timeline): boolean {
  const near = zoomed(timeline);
  return near.from > timeline.from && near.to - near.from < (timeline.to - timeline.from) * 0.5;
}

const STEPS_MS = [
  1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000, 300_000, 600_000,
  900_000, 1_800_000, 3_600_000, 7_200_000, 10_800_000, 21_600_000, 43_200_000, 86_400_000, 172_800_000, 604_800_000,
  2_592_000_000, 7_776_000_000, 31_536_000_000,
];

/** Return evenly spaced lengths from the start at which an axis is labelled, in ms; at most `most` of them. */
export function ticks(lengthMs: number, most: number): number[] {
  const step = STEPS_MS.find((each) => lengthMs / each <= most) ?? lengthMs;
  return Array.from({ length: Math.floor(lengthMs / step) + 1 }, (_, number) => number * step);
}
