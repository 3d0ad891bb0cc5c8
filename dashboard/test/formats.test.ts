import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, compact, count, dollars, things } from "../src/format/numbers.js";
import { hasEnded, STATES, toneOf } from "../src/format/states.js";
import { interval, localText, noteText, rhythm } from "../src/pages/schedules/rhythm.js";

test("numbers are for people", () => {
  assert.equal(count(1234567), "1,234,567");
  assert.equal(compact(1_234_567), "1.2M");
  assert.equal(bytes(1023), "1023 B");
  assert.equal(bytes(1024 * 1024), "1.0 MiB");
  assert.equal(dollars(0.000323), "$0.000323");
  assert.equal(dollars(10.09), "$10.09");
  assert.equal(things(1, "job"), "1 job");
  assert.equal(things(0, "job"), "0 jobs");
});

test("every state has a tone, and an unknown one is plain", () => {
  for (const state of STATES) assert.ok(toneOf(state));
  assert.equal(toneOf("constructor"), "plain");
  assert.deepEqual(STATES.filter(hasEnded), ["succeeded", "dead", "cancelled", "expired"]);
});

test("an interval is in its largest unit", () => {
  const said = { PT60S: "minute", PT90S: "90 seconds", PT3600S: "hour", P1D: "day", PT1H30M: "90 minutes", P2W: "2 weeks", P1M: "P1M" };
  for (const [text, words] of Object.entries(said)) assert.equal(interval(text), words);
});

test("a schedule says when it fires", () => {
  const none = { cron: null, crons: null, every: null, at: null, timezone: "UTC" };
  assert.equal(rhythm({ ...none, cron: "0 3 * * *", timezone: "Europe/Berlin" }), "0 3 * * * (Europe/Berlin)");
  assert.equal(rhythm({ ...none, every: "PT60S" }), "every minute");
  assert.equal(rhythm({ ...none, at: "2026-12-24T18:00:00Z" }), "once, 2026-12-24T18:00:00Z");
});

test("a local time is short, and a note is in words", () => {
  assert.equal(localText("2026-11-28T15:45:15.865000+00:00"), "2026-11-28 15:45:15 +00:00");
  assert.equal(localText("2027-03-28T03:00:00+02:00"), "2027-03-28 03:00 +02:00");
  assert.equal(localText("nonsense"), "nonsense");
  assert.match(noteText("moved_out_of_gap"), /clocks go forward/);
  assert.equal(noteText("toString"), "toString");
});
