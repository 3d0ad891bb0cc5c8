import assert from "node:assert/strict";
import { test } from "node:test";
import type { Operation } from "../src/api/types.js";
import { filterOf } from "../src/pages/jobs/filter.js";
import { ACTIONS, filterBodyOf, FITS, isSelectable, requestOf, type BulkAction } from "../src/pages/operations/request.js";
import { comeTo, expected, progressOf, selectionOf, verbOf } from "../src/pages/operations/words.js";

const DETAILS = { queue: "gpu", dueAt: Date.UTC(2026, 10, 28, 15), rate: "" };
const COUNTS = { matched: 11, changed: 10, unchanged: 1, failed: 1, total: null };

function asked(text: string): unknown {
  return filterBodyOf(new URLSearchParams(text));
}

test("what the list shows is what an operation selects", () => {
  const text = "state=dead&type=a&queue=gpu&fingerprint=f&schedule=s&workflow=w&createdAfter=x&createdBefore=y&finishedAfter=z&finishedBefore=q";
  const { limit, ...listed } = filterOf(new URLSearchParams(text));
  assert.equal(limit, 50);
  assert.deepEqual(asked(text), listed);
  assert.deepEqual(asked("tag=a:1&tag=b:x:y&cursor=c&limit=25&order=oldest"), { tags: { a: "1", b: "x:y" } });
});

test("without a filter all are asked for in so many words, and never by mistake", () => {
  assert.deepEqual(requestOf("cancel", { query: new URLSearchParams("cursor=c&state=") }, DETAILS, true), { action: "cancel", all: true, dryRun: true });
  const one = requestOf("redrive", { query: new URLSearchParams("type=a") }, { ...DETAILS, rate: "5" }, false);
  assert.deepEqual(one, { action: "redrive", filter: { type: "a" }, ratePerSecond: 5, dryRun: false });
});

test("each action says what the API calls it, with what it needs alone", () => {
  const of = (action: BulkAction) => {
    const { ids, dryRun, ...body } = requestOf(action, { ids: ["1"] }, DETAILS, false);
    assert.deepEqual([ids, dryRun], [["1"], false]);
    return body;
  };
  assert.deepEqual(ACTIONS.map(of), [
    { action: "cancel" },
    { action: "redrive" },
    { action: "reschedule", delaySeconds: 0 },
    { action: "reschedule", dueAt: "2026-11-28T15:00:00.000Z" },
    { action: "reprioritise", queue: "gpu" },
    { action: "delete" },
  ]);
  for (const action of ACTIONS) assert.ok(FITS[action].size > 0);
});

test("two values of a tag are no selection of an operation", () => {
  assert.equal(isSelectable(new URLSearchParams("tag=a:1&tag=a:2")), false);
  assert.equal(isSelectable(new URLSearchParams("tag=a:1&tag=b:1&tag=a:1")), true);
  assert.equal(isSelectable(new URLSearchParams("")), true);
});

test("an operation is in words", () => {
  const of = (value: Partial<Operation>) => verbOf({ action: "cancel", priority: null, queue: null, dueAt: null, ...value });
  assert.deepEqual([of({}), of({ action: "reprioritise", queue: "gpu" }), of({ action: "constructor" })], ["Cancel", "Move to gpu", "constructor"]);
  const which = (value: Partial<Operation>) => selectionOf({ filter: null, idCount: null, undoes: null, ...value });
  assert.equal(which({ filter: { state: "dead", tags: { team: "billing" }, createdAfter: "x" } }), "state dead, tag team:billing, submitted from x");
  assert.equal(which({ filter: {} }), "all jobs that it applies to");
  assert.equal(which({ idCount: 2 }), "2 jobs, chosen one by one");
  assert.match(which({ undoes: "x" }), /have not begun/);
});

test("progress counts what it has come to, and does not promise what is not known", () => {
  const operation = { counts: COUNTS, state: "running", limit: null };
  assert.equal(progressOf(operation), "10 changed, 1 were so already, 1 could not be changed, so far");
  assert.equal(comeTo(operation), 12);
  assert.equal(expected(operation), null);
  assert.equal(expected({ ...operation, counts: { ...COUNTS, total: 40 } }), 40);
  assert.equal(expected({ ...operation, limit: 20 }), 20);
  assert.equal(expected({ ...operation, state: "finished" }), 12);
});
