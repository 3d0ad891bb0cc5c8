import assert from "node:assert/strict";
import { test } from "node:test";
import type { Schedule } from "../src/api/types.js";
import { nextClockChange, offsetOf } from "../src/pages/schedules/clock-change.js";
import { changes } from "../src/format/changes.js";
import { doneOf, outcomeOf, wrongRange } from "../src/pages/schedules/backfill.js";
import { bodyOf, draftOf, previewOf, recurrenceOf } from "../src/pages/schedules/draft.js";

const HOUR_MS = 3_600_000;

test("a zone's clocks change when its law says so", () => {
  const november = Date.UTC(2026, 10, 28, 14, 30);
  assert.equal(nextClockChange("Europe/Berlin", november), Date.UTC(2027, 2, 28, 1));
  assert.equal(nextClockChange("America/New_York", november), Date.UTC(2027, 2, 14, 7));
  assert.equal(nextClockChange("Europe/Berlin", Date.UTC(2026, 5, 1)), Date.UTC(2026, 9, 25, 1));
  // Half an hour.
  assert.equal(nextClockChange("Australia/Lord_Howe", november), Date.UTC(2027, 3, 3, 15));
  for (const zone of ["UTC", "Asia/Tokyo", "No/Where", ""]) assert.equal(nextClockChange(zone, november), null);
});

test("clocks are as far ahead as they are", () => {
  assert.equal(offsetOf("Europe/Berlin", Date.UTC(2026, 10, 28)), HOUR_MS);
  assert.equal(offsetOf("Asia/Kathmandu", Date.UTC(2026, 10, 28)), 5.75 * HOUR_MS);
  assert.equal(offsetOf("America/New_York", Date.UTC(2026, 6, 1, 3)), -4 * HOUR_MS);
});

const SCHEDULE = {
  name: "s", tenant: "t", cron: null, crons: ["0 3 * * *", "0 4 * * 1"], every: null, at: null, timezone: "Europe/Berlin", overlap: "skip",
  misfire: { policy: "catch_up", limit: 5, graceSeconds: 60 }, exclude: ["2026-12-24"], jitterSeconds: 7, job: { type: "a", payload: { b: 1 } }, workflow: null,
} as unknown as Schedule;

test("a schedule that is saved unchanged changes nothing", () => {
  assert.deepEqual(changes(SCHEDULE, bodyOf(draftOf(SCHEDULE), SCHEDULE)), []);
  const plain = { ...SCHEDULE, crons: null, cron: "0 3 * * *" } as Schedule;
  assert.deepEqual(changes(plain, bodyOf(draftOf(plain), plain)), []);
  const flow = { ...SCHEDULE, crons: null, every: "PT60S", job: null, workflow: { nodes: {} } } as unknown as Schedule;
  assert.deepEqual(changes(flow, bodyOf(draftOf(flow), flow)), []);
});

test("what the form does not know stays, and what it changes is named", () => {
  const body = bodyOf({ ...draftOf(SCHEDULE), kind: "every", when: " PT15M \n", misfire: "skip" }, SCHEDULE);
  assert.deepEqual([body.exclude, body.jitterSeconds, body.crons, body.every], [["2026-12-24"], 7, null, "PT15M"]);
  assert.deepEqual(body.misfire, { policy: "skip", limit: 5, graceSeconds: 60 });
  assert.deepEqual(changes(SCHEDULE, body).map(({ name }) => name).sort(), ["crons", "every", "misfire"]);
});

test("a preview is of the whole schedule, and what only cron expressions have goes with them", () => {
  const second = { ...SCHEDULE, everyWeeks: 2, anchor: "2026-11-23", fold: "once" } as Schedule;
  const draft = draftOf(second);
  const { everyWeeks, anchor, exclude, jitterSeconds, crons } = previewOf(draft, second);
  assert.deepEqual([everyWeeks, anchor, exclude, jitterSeconds, crons], [2, "2026-11-23", ["2026-12-24"], 7, SCHEDULE.crons]);
  assert.equal("everyWeeks" in previewOf({ ...draft, kind: "every", when: "PT15M" }, second), false);
  assert.equal(bodyOf({ ...draft, kind: "every", when: "PT15M" }, second).everyWeeks, null);
  assert.equal(bodyOf(draft, second).everyWeeks, 2);
});

test("a backfill is as far as the time that it has reached", () => {
  const range = { state: "running", from: "2026-11-01T00:00:00Z", to: "2026-11-05T00:00:00Z" };
  assert.deepEqual(
    [null, "2026-11-02T00:00:00Z", "2026-11-09T00:00:00Z"].map((reached) => doneOf({ ...range, reached })),
    [0, 0.25, 1],
  );
  assert.equal(doneOf({ ...range, state: "finished", reached: null }), 1);
  assert.equal(doneOf({ ...range, to: range.from, reached: range.from }), 0);
  assert.equal(outcomeOf({ createdJobs: 1, skippedFires: 1200 }), "1 job created, 1,200 fires had one already");
});

test("a range ends after it begins, and not all of it is to come", () => {
  assert.equal(wrongRange(1, 2, 3), null);
  assert.equal(wrongRange(1, 5, 3), null);
  for (const [from, to] of [[null, 2], [2, null], [2, 1], [4, 5]] as const) assert.notEqual(wrongRange(from, to, 3), null);
});

test("a line is an expression", () => {
  const draft = draftOf(null);
  assert.deepEqual(recurrenceOf(draft), { cron: "0 3 * * *", crons: null, every: null, at: null, timezone: "UTC" });
  assert.deepEqual(recurrenceOf({ ...draft, when: "a\n\n b " }).crons, ["a", "b"]);
  assert.equal(recurrenceOf({ ...draft, when: "" }).cron, "");
  assert.throws(() => bodyOf({ ...draft, runs: "{" }, null), SyntaxError);
});
