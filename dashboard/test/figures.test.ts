import assert from "node:assert/strict";
import { test } from "node:test";
import { samplesOf } from "../src/pages/overview/exposition.js";
import { figuresOf, quantile } from "../src/pages/overview/figures.js";

const TEXT = `# HELP whendue_jobs_submitted_total Jobs
# TYPE whendue_jobs_submitted_total counter
whendue_jobs_submitted_total{queue="normal",type="a"} 10.0
whendue_jobs_submitted_total{queue="low",type="a\\"b\\\\c\\nd"} 5
whendue_jobs_submitted_total{queue="notifications",type="notify.webhook"} 99
whendue_jobs_ended_total{queue="normal",type="a",state="succeeded"} 8
whendue_jobs_ended_total{queue="low",type="a",state="succeeded"} 1
whendue_jobs_ended_total{queue="normal",type="a",state="dead"} 2
whendue_attempts_total{queue="normal",type="a"} 20
whendue_attempts_failed_total{queue="normal",type="a",error="other"} 5
whendue_lateness_seconds_bucket{queue="normal",type="a",le="0.1"} 50
whendue_lateness_seconds_bucket{queue="normal",type="a",le="1.0"} 90
whendue_lateness_seconds_bucket{queue="normal",type="a",le="+Inf"} 100
not a sample
whendue_timer_lag_seconds 0.5 1700000000000
`;

test("samples are read with their labels", () => {
  const samples = samplesOf(TEXT);
  assert.equal(samples.length, 12);
  assert.equal(samples[1]?.labels["type"], 'a"b\\c\nd');
  assert.deepEqual(samples.at(-1), { name: "whendue_timer_lag_seconds", labels: {}, value: 0.5 });
  assert.deepEqual(samplesOf(""), []);
});

test("figures are of jobs, without deliveries", () => {
  const figures = figuresOf(samplesOf(TEXT), null);
  assert.deepEqual(figures.ended, { succeeded: 9, dead: 2 });
  assert.deepEqual([figures.submitted, figures.attempts, figures.failed], [15, 20, 5]);
  assert.equal(figures.late50, 0.1);
  // Above the last bound: that bound.
  assert.equal(figures.late99, 1);
});

test("between two readings it is what was added, and never less than nothing", () => {
  const before = samplesOf(TEXT);
  const later = samplesOf(TEXT.replace('type="a"} 10.0', 'type="a"} 14').replace('state="dead"} 2', 'state="dead"} 1'));
  const figures = figuresOf(later, before);
  assert.deepEqual([figures.submitted, figures.ended["dead"], figures.ended["succeeded"], figures.late50], [4, 0, 0, null]);
});

test("a quantile is linear within its bucket", () => {
  assert.equal(quantile([[1, 0], [2, 10], [Number.POSITIVE_INFINITY, 10]], 0.5), 1.5);
  assert.equal(quantile([], 0.5), null);
  assert.equal(quantile([[1, 0], [Number.POSITIVE_INFINITY, 0]], 0.5), null);
});
