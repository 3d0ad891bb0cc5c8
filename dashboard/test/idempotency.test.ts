import assert from "node:assert/strict";
import { test } from "node:test";
import { newKey } from "../src/api/idempotency.js";

test("a key is one that the API takes, and never the same", () => {
  const keys = Array.from({ length: 100 }, newKey);
  assert.equal(new Set(keys).size, 100);
  for (const key of keys) assert.match(key, /^[0-9a-f]{32}$/);
});
