import assert from "node:assert/strict";
import { test } from "node:test";
import { delay, LIVE_MS, takesPart } from "../src/api/pace.js";

const SEEN = { hidden: false, idleMs: 0, failures: 0 };

/** Count the polls of an hour in which nobody touches the page. */
function pollsInAnHour(): number[] {
  const perMinute = Array.from({ length: 60 }, () => 0);
  for (let at = 0; at < 3_600_000; ) {
    at += delay({ ...SEEN, idleMs: at }) ?? Number.POSITIVE_INFINITY;
    const minute = Math.floor(at / 60_000);
    if (minute < 60) perMinute[minute] = (perMinute[minute] ?? 0) + 1;
  }
  return perMinute;
}

test("a page that is looked at is polled each three seconds, and less once nobody looks", () => {
  const perMinute = pollsInAnHour();
  assert.ok((perMinute[0] ?? 0) <= 60_000 / LIVE_MS);
  assert.equal(perMinute[5], 4);
  assert.equal(perMinute[40], 1);
});

test("a hidden page is not polled", () => {
  assert.equal(delay({ ...SEEN, hidden: true }), null);
});

test("after failures it waits longer, up to a minute", () => {
  const delays = [1, 2, 3, 4, 5, 20].map((failures) => delay({ ...SEEN, failures }));
  assert.deepEqual(delays, [6000, 12_000, 24_000, 48_000, 60_000, 60_000]);
});

test("what changes slowly takes part in each fifth poll, and what is read once in none", () => {
  assert.deepEqual([1, 4, 5].map((polls) => takesPart("slow", polls)), [false, false, true]);
  assert.equal(takesPart("once", 1000), false);
  assert.equal(takesPart("live", 1), true);
});
