import assert from "node:assert/strict";
import { test } from "node:test";
import { match, pathOf } from "../src/routing/paths.js";

test("every address is a page, below whatever the API is served", () => {
  for (const root of ["/", "/prod/", "/_aws/execute-api/1/$default/"]) {
    assert.deepEqual(match(root, root), { page: "overview", parameter: null });
    assert.deepEqual(match(`${root}dashboard`, root), { page: "overview", parameter: null });
    assert.deepEqual(match(`${root}dashboard/jobs/`, root), { page: "jobs", parameter: null });
    assert.deepEqual(match(`${root}dashboard/jobs/a%2Fb`, root), { page: "jobs", parameter: "a/b" });
  }
});

test("a link leads to its page", () => {
  for (const [page, parameter] of [["jobs", null], ["jobs", "a/b c"], ["overview", null]] as const) {
    assert.deepEqual(match(`/${pathOf(page, parameter)}`, "/"), { page, parameter });
  }
  assert.equal(pathOf("jobs", null, new URLSearchParams({ state: "dead" })), "dashboard/jobs?state=dead");
});

test("a broken escape is what it is", () => {
  assert.deepEqual(match("/dashboard/jobs/%E0%A4", "/"), { page: "jobs", parameter: "%E0%A4" });
});
