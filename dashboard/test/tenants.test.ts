import assert from "node:assert/strict";
import { test } from "node:test";
import { monthsUntil, share } from "../src/pages/tenants/months.js";

test("months are those of UTC, and go past a year", () => {
  assert.deepEqual(monthsUntil(Date.UTC(2026, 1, 28, 23, 59), 3), ["2026-02", "2026-01", "2025-12"]);
  // The last day of a month is no reason to leave out a shorter one.
  assert.deepEqual(monthsUntil(Date.UTC(2026, 2, 31), 2), ["2026-03", "2026-02"]);
});

test("a part of nothing is none", () => {
  assert.deepEqual([share(1, 3), share(0, 0), share(5, 5)], ["33 %", "", "100 %"]);
});
