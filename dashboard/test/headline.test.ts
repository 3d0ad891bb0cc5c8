import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Cause, Explanation } from "../src/api/types.js";
import { headline, namedJobs, success } from "../src/pages/job/headline.js";

const LATER = "2026-11-28T15:00:00Z";
const MUCH_LATER = "2026-11-28T16:00:00Z";

function explained(...reasons: [Cause, Record<string, unknown>?, string?][]): Explanation {
  return { id: "1", state: "queued", reasons: reasons.map(([code, facts = {}, text = `words of ${code}`]) => ({ code, facts, text })) };
}

/** The causes as the API's document has them: a new one fails here. */
const CAUSES: Cause[] = (JSON.parse(readFileSync("../api/openapi.json", "utf8")) as { components: { schemas: { Cause: { enum: Cause[] } } } })
  .components.schemas.Cause.enum;

test("each cause has a sentence, and none says what its facts do not", () => {
  assert.equal(CAUSES.length, 28);
  for (const code of CAUSES) {
    const { sentence } = headline(explained([code]));
    assert.ok(sentence.length > 5, code);
    assert.doesNotMatch(sentence, /undefined|null|NaN|\[object/, code);
  }
});

test("a job that is not due starts at its time", () => {
  const { start, advice } = headline(explained(["not_due", { dueAt: LATER }], ["not_promoted", { promotedAt: LATER }]));
  assert.deepEqual(start, { kind: "at", at: Date.parse(LATER) });
  assert.deepEqual(advice, ["run-now"]);
});

test("a paused job starts at the end of the pause, or later if it is not due then", () => {
  const pause = ["paused", { by: "Ada", reason: "incident", pausedUntil: LATER }] as [Cause, Record<string, unknown>];
  assert.equal(headline(explained(pause)).sentence, "It is paused by Ada: incident");
  assert.deepEqual(headline(explained(pause)).start, { kind: "at", at: Date.parse(LATER) });
  assert.deepEqual(headline(explained(pause, ["not_due", { dueAt: MUCH_LATER }])).start, { kind: "at", at: Date.parse(MUCH_LATER) });
});

test("without a time there is no prediction of one", () => {
  assert.deepEqual(headline(explained(["paused", { queue: "low" }])).start, { kind: "after", what: "the pause ends" });
  assert.deepEqual(headline(explained(["waiting_for_dependencies", { left: 2, jobs: ["a"] }])).start, { kind: "after", what: "all of them end" });
  assert.equal(headline(explained(["limited", { key: "k", concurrency: 3 }])).sentence, "3 jobs with the key k may run at once, and that many do.");
});

test("a job whose queue is gone says so before that it is due, and can be moved", () => {
  const { sentence, start, advice } = headline(explained(["queue_removed", { queue: "gpu" }, "The deployment no longer has its queue gpu."], ["holds_unique_key"]));
  assert.match(sentence, /no longer has its queue gpu/);
  assert.deepEqual([start, advice], [{ kind: "after", what: "the queue is back" }, ["move"]]);
});

test("of an ended job, why it ended comes first", () => {
  const { sentence, advice, start } = headline(explained(["finished"], ["failed", {}, "It failed: x"], ["redrivable"]));
  assert.equal(sentence, "It failed: x");
  assert.deepEqual(advice, ["redrive", "clone"]);
  assert.deepEqual(start, { kind: "over" });
});

test("a job that is too old can be cloned only", () => {
  assert.deepEqual(headline(explained(["finished"], ["failed"], ["too_old"])).advice, ["clone"]);
});

test("a cause of a newer API is said in its own words", () => {
  assert.equal(headline(explained(["from_the_future" as Cause, {}, "its words"])).sentence, "its words");
  assert.equal(headline(explained(["constructor" as Cause, {}, "its words"])).sentence, "its words");
});

test("the jobs that it waits for are named once", () => {
  assert.deepEqual(namedJobs(explained(["held", { jobs: ["a"] }], ["waiting_for_dependencies", { jobs: ["a", "b"] }])), ["a", "b"]);
});

test("a success says how late and how long", () => {
  const job = { attempt: 1, dueAt: "2026-11-28T15:00:00.000Z", startedAt: "2026-11-28T15:00:00.348Z", finishedAt: "2026-11-28T15:00:00.395Z" };
  assert.equal(success(job), "It succeeded, 348 ms after it was due, and took 47 ms.");
  assert.equal(success({ ...job, attempt: 3, startedAt: null }), "Attempt 3 succeeded.");
});
