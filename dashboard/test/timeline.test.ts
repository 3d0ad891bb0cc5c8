import assert from "node:assert/strict";
import { test } from "node:test";
import type { Attempt, JobDetails, JobEvent } from "../src/api/types.js";
import { isWorthZooming, ticks, timelineOf, zoomed } from "../src/pages/job/timeline.js";

const ZERO = Date.UTC(2026, 10, 28);
const at = (ms: number): string => new Date(ZERO + ms).toISOString();

function jobOf(more: Partial<JobDetails>): JobDetails {
  return { createdAt: at(0), dueAt: at(10_000), state: "scheduled", attempts: [], finishedAt: null, nominalAt: null, ...more } as JobDetails;
}

function attempt(number: number, from: number, to: number | null, state: string): Attempt {
  return { attempt: number, startedAt: at(from), endedAt: to === null ? null : at(to), state, error: null };
}

const plain = (job: JobDetails, now: number, events: JobEvent[] = []) =>
  timelineOf(job, events, ZERO + now).spans.map(({ kind, from, to }) => [kind, from - ZERO, to - ZERO]);

test("a scheduled job waits until it is due", () => {
  assert.deepEqual(plain(jobOf({}), 4000), [["planned", 0, 10_000]]);
});

test("a due job that has not started is late from its due time", () => {
  assert.deepEqual(plain(jobOf({ state: "queued" }), 15_000), [
    ["planned", 0, 10_000],
    ["late", 10_000, 15_000],
  ]);
});

test("what was kept is no lateness: a start within a second", () => {
  const job = jobOf({ state: "succeeded", attempts: [attempt(1, 10_400, 11_000, "succeeded")], finishedAt: at(11_000) });
  assert.deepEqual(plain(job, 20_000), [
    ["planned", 0, 10_000],
    ["planned", 10_000, 10_400],
    ["succeeded", 10_400, 11_000],
  ]);
});

test("attempts and the waits between them follow each other without gaps", () => {
  const attempts = [attempt(1, 12_000, 12_500, "failed"), attempt(2, 17_000, 17_100, "failed"), attempt(3, 30_000, null, "running")];
  const spans = plain(jobOf({ state: "running", attempts, nominalAt: at(10_000) }), 33_000);
  assert.deepEqual(spans, [
    ["planned", 0, 10_000],
    ["late", 10_000, 12_000],
    ["failed", 12_000, 12_500],
    ["backoff", 12_500, 17_000],
    ["failed", 17_000, 17_100],
    ["backoff", 17_100, 30_000],
    ["run", 30_000, 33_000],
  ]);
  for (const [number, span] of spans.slice(1).entries()) assert.equal(span[1], spans[number]?.[2]);
});

test("a retry that is to come waits for its backoff", () => {
  const job = jobOf({ attempts: [attempt(1, 10_000, 10_100, "failed")], dueAt: at(20_000) });
  assert.deepEqual(plain(job, 12_000).at(-1), ["backoff", 10_100, 20_000]);
});

test("marks are in order, and nothing is outside", () => {
  const events = [{ type: "lost", at: at(13_000) }, { type: "reprioritised", at: at(2000) }] as JobEvent[];
  const timeline = timelineOf(jobOf({ state: "queued" }), events, ZERO + 15_000);
  assert.deepEqual(timeline.marks.map(({ kind }) => kind), ["submitted", "changed", "due", "lost", "now"]);
  for (const mark of timeline.marks) assert.ok(mark.at >= timeline.from && mark.at <= timeline.to);
});

test("between an end and a redrive it is no backoff, and who asked for what stands at its mark", () => {
  const events = [{ type: "redriven", at: at(60_000), by: "ada" }, { type: "redrive_undone", at: at(90_000), by: "bob" }] as JobEvent[];
  const job = jobOf({ state: "dead", attempts: [attempt(1, 10_000, 11_000, "failed"), attempt(1, 61_000, 62_000, "failed")], finishedAt: at(62_000) });
  assert.deepEqual(plain(job, 99_000, events), [
    ["planned", 0, 10_000],
    ["failed", 10_000, 11_000],
    ["over", 11_000, 60_000],
    ["planned", 60_000, 61_000],
    ["failed", 61_000, 62_000],
  ]);
  assert.deepEqual(timelineOf(job, events, ZERO + 99_000).marks.filter(({ kind }) => kind === "changed").map(({ text }) => text), ["Run again by ada", "Redrive undone by bob"]);
  const waits = jobOf({ dueAt: at(80_000), attempts: [attempt(1, 10_000, 11_000, "failed")] });
  assert.deepEqual(plain(waits, 70_000, events).slice(2), [["over", 11_000, 60_000], ["planned", 60_000, 80_000]]);
});

test("clocks that differ make no time before the start", () => {
  const timeline = timelineOf(jobOf({ createdAt: at(500) }), [{ type: "lost", at: at(0) } as JobEvent], ZERO);
  assert.ok(timeline.from <= ZERO && timeline.to > timeline.from);
});

test("a long wait hides a short run, until one looks closer", () => {
  const hour = 3_600_000;
  const job = jobOf({ state: "succeeded", dueAt: at(hour), attempts: [attempt(1, hour + 100, hour + 200, "succeeded")], finishedAt: at(hour + 200) });
  const timeline = timelineOf(job, [], ZERO + 2 * hour);
  assert.ok(isWorthZooming(timeline));
  const near = zoomed(timeline);
  assert.ok(near.to - near.from < 1000);
  for (const { from } of near.spans) assert.ok(from >= near.from);
  assert.equal(isWorthZooming(timelineOf(jobOf({}), [], ZERO + 4000)), false);
});

test("an axis has round steps, and not too many", () => {
  assert.deepEqual(ticks(1000, 5), [0, 200, 400, 600, 800, 1000]);
  for (const length of [1, 17, 999, 61_000, 5e6, 9e8, 7e10]) assert.ok(ticks(length, 6).length <= 7);
});
