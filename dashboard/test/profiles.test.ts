import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Profile } from "../src/api/types.js";
import { changes } from "../src/format/changes.js";
import { bodyOf, draftOf, NUMBERS, problemsOf, settingsOf } from "../src/pages/profiles/draft.js";

const PROFILE = {
  name: "slow", builtIn: false, version: 3, updatedAt: null, follow: true, maxAttempts: 12, timeoutSeconds: 600, leaseSeconds: null, retentionSeconds: null, expiresSeconds: null,
  backoff: { baseSeconds: 30, capSeconds: 21_600, factor: null, jitter: "none" }, limits: { concurrency: 5, key: null, ratePerSecond: null },
  neverRetry: ["ValueError"], notify: [], priority: "high", queue: null,
} as unknown as Profile;

interface Described {
  anyOf: { minimum?: number; maximum?: number; type: string }[];
}

test("the bounds of the form are those of the API", () => {
  const { schemas } = (JSON.parse(readFileSync("../api/openapi.json", "utf8")) as { components: { schemas: Record<string, { properties: Record<string, Described> }> } }).components;
  const parts: Record<string, string> = { backoff: "Backoff", limits: "ProfileLimitsBody" };
  for (const [name, { least, most, whole }] of Object.entries(NUMBERS)) {
    const [part = "", field] = name.split(".");
    const described = field === undefined ? schemas["ProfileBody"]?.properties[part] : schemas[parts[part] ?? ""]?.properties[field];
    const { minimum, maximum, type } = described?.anyOf[0] ?? { type: "" };
    assert.deepEqual([minimum, maximum, type], [least, most, whole ? "integer" : "number"], name);
  }
});

test("a profile that is saved unchanged sets what it set", () => {
  const body = bodyOf(draftOf(PROFILE));
  assert.deepEqual(body, {
    maxAttempts: 12, timeoutSeconds: 600, backoff: { baseSeconds: 30, capSeconds: 21_600, jitter: "none" }, limits: { concurrency: 5 }, queue: "high", neverRetry: ["ValueError"], follow: true,
  });
  assert.deepEqual(changes(settingsOf(PROFILE), body), []);
  assert.deepEqual(bodyOf(draftOf(null)), {});
});

test("what is emptied is left to the task again", () => {
  const draft = draftOf(PROFILE);
  const body = bodyOf({ ...draft, numbers: { ...draft.numbers, maxAttempts: " ", "backoff.baseSeconds": "1.5", "limits.concurrency": "" }, follow: false });
  assert.equal("maxAttempts" in body || "limits" in body || "follow" in body, false);
  assert.equal(body.backoff?.baseSeconds, 1.5);
});

test("what the API would refuse is said where it is typed", () => {
  const draft = draftOf(null);
  const of = (numbers: Record<string, string>, more = {}) => problemsOf({ ...draft, ...more, numbers: { ...draft.numbers, ...numbers } });
  assert.deepEqual(of({ maxAttempts: "50", "backoff.factor": "1.5" }), {});
  assert.deepEqual(of({ maxAttempts: "51", timeoutSeconds: "1.5", leaseSeconds: "x", "limits.ratePerSecond": "0" }), {
    maxAttempts: "From 1 to 50.", timeoutSeconds: "A whole number.", leaseSeconds: "A number.", "limits.ratePerSecond": "From 0.001 to 500.",
  });
  assert.deepEqual(Object.keys(of({}, { name: "a b", limitKey: "/", neverRetry: "Value Error!", notify: "a,b c" })), ["name", "limitKey", "neverRetry"]);
  assert.deepEqual(bodyOf({ ...draft, notify: "a, b  c" }).notify, ["a", "b", "c"]);
});

test("fields in another order are no change, and what is gone is one", () => {
  assert.deepEqual(changes({ a: { x: 1, y: [2] } }, { a: { y: [2], x: 1 } }), []);
  assert.deepEqual(changes({ a: 1 }, { a: null, b: "c" }), [{ name: "a", before: "1", after: "–" }, { name: "b", before: "–", after: '"c"' }]);
});
