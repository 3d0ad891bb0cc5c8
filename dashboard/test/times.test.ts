import assert from "node:assert/strict";
import { test } from "node:test";
import { absolute, duration, fromField, instant, relative, short, toField } from "../src/format/times.js";

const AT = Date.UTC(2026, 10, 28, 14, 5, 9);

test("a length of time has two units at most", () => {
  const said = new Map([
    [0, "0 ms"],
    [999, "999 ms"],
    [1000, "1 s"],
    [9_999, "9.9 s"],
    [10_000, "10 s"],
    [59_999, "59 s"],
    [60_000, "1 min"],
    [61_500, "1 min 1 s"],
    [3_600_000, "1 h"],
    [5_400_000, "1 h 30 min"],
    [86_400_000, "1 d"],
    [90_000_000, "1 d 1 h"],
  ]);
  for (const [ms, text] of said) assert.equal(duration(ms), text);
});

test("a time is near or far, before or after", () => {
  assert.equal(relative(AT, AT), "now");
  assert.equal(relative(AT + 999, AT), "now");
  assert.equal(relative(AT + 61_000, AT), "in 1 min");
  assert.equal(relative(AT - 7_200_000, AT), "2 h ago");
  assert.equal(relative(AT - 3 * 86_400_000, AT), "3 d ago");
});

test("an absolute time is ISO 8601's, and short on its own day", () => {
  assert.equal(absolute(AT, "utc"), "2026-11-28 14:05:09Z");
  assert.equal(short(AT, AT + 1000, "utc"), "14:05:09Z");
  assert.equal(short(AT, AT + 86_400_000, "utc"), "2026-11-28 14:05:09Z");
});

test("a field holds what was read from it, in either zone", () => {
  for (const zone of ["utc", "local"] as const) assert.equal(fromField(toField(AT, zone), zone), AT);
  assert.equal(fromField("", "utc"), null);
});

test("what is no time is none", () => {
  for (const value of [null, undefined, "", "yesterday", 5]) assert.equal(instant(value), null);
  assert.equal(instant("2026-11-28T14:05:09Z"), AT);
});
