import assert from "node:assert/strict";
import { test } from "node:test";
import { problemOf } from "../src/api/problems.js";
import type { Job } from "../src/api/types.js";
import { attention } from "../src/pages/overview/attention.js";
import { csvOf } from "../src/pages/jobs/csv.js";
import { chips, filterOf, NAMES, without } from "../src/pages/jobs/filter.js";
import { found } from "../src/shell/matching.js";

test("every filter of the API goes through the address", () => {
  const query = new URLSearchParams({ state: "dead", type: "a", queue: "gpu", fingerprint: "f", schedule: "s", workflow: "w", createdAfter: "x", createdBefore: "y", finishedAfter: "z", finishedBefore: "q", order: "oldest", cursor: "c", limit: "25" });
  query.append("tag", "a:1");
  query.append("tag", "b:2");
  assert.deepEqual(filterOf(query), {
    limit: 25, order: "oldest", tag: ["a:1", "b:2"], cursor: "c", state: "dead", type: "a", queue: "gpu", fingerprint: "f", schedule: "s", workflow: "w",
    createdAfter: "x", createdBefore: "y", finishedAfter: "z", finishedBefore: "q",
  });
  assert.equal(chips(query).length, NAMES.length + 1);
  assert.deepEqual(without(query, "tag", "a:1"), ["b:2"]);
  assert.equal(without(query, "state", "dead"), null);
});

test("a page size that there is none of is the usual one", () => {
  assert.equal(filterOf(new URLSearchParams({ order: "nonsense" })).order, undefined);
  for (const limit of ["0", "1e9", "abc", ""]) assert.equal(filterOf(new URLSearchParams({ limit })).limit, 50);
});

test("a spreadsheet takes no text for a formula", () => {
  const job = { id: "1", type: '=HYPERLINK("x")', state: "dead", error: { type: "E", message: 'a "b"\nc' } } as unknown as Job;
  const [, row = ""] = csvOf([job]).split("\r\n");
  assert.ok(row.includes(`"'=HYPERLINK(""x"")"`), row);
  assert.ok(row.endsWith('E,"a ""b""\nc"'), row);
});

test("a problem says where the request is wrong", () => {
  const problem = problemOf(422, { code: "invalid_request", detail: "not valid", errors: [{ where: "body.type", problem: "is missing" }, null, 5] });
  assert.deepEqual([problem.status, problem.code, problem.detail], [422, "invalid_request", "not valid\nbody.type is missing"]);
  for (const body of [null, "", [], { code: 5 }]) assert.equal(problemOf(502, body).detail, "The API answered with status 502.");
});

test("a few letters find a command", () => {
  const commands = ["Go to Jobs", "Go to Dead letters", "Show dead jobs"].map((text) => ({ text, icon: "x", run: () => undefined }));
  assert.deepEqual(found(commands, "dead").map(({ text }) => text), ["Go to Dead letters", "Show dead jobs"]);
  assert.deepEqual(found(commands, "JOBS go").map(({ text }) => text), ["Go to Jobs"]);
  assert.equal(found(commands, "").length, 3);
  assert.equal(found(commands, "nothing").length, 0);
});

test("the worst comes first", () => {
  const items = attention({
    queues: { items: [{ name: "low", paused: { reason: "r" } }, { name: "gpu", paused: null, draining: true }] } as never,
    pauses: { items: [] } as never,
    dead: { items: [{ fingerprint: "f", count: 2, types: ["t"], error: { type: "E" } }] } as never,
    schedules: { items: [{ name: "s", lastError: "no", paused: null }] } as never,
    subscriptions: { items: [{ name: "a", active: true, failingSince: null }, { name: "b", active: false, disabledReason: "410" }] } as never,
    operations: { items: [{ id: "1", action: "cancel", state: "running", filter: {}, idCount: null, counts: { changed: 1 } }, { state: "finished" }] } as never,
  });
  assert.deepEqual(items.map(({ word }) => word), ["dead", "failing", "disabled", "paused", "draining", "running"]);
  assert.deepEqual(attention({ queues: null, pauses: null, dead: null, schedules: null, subscriptions: null, operations: null }), []);
});
