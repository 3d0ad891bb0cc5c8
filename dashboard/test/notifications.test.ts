import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Subscription } from "../src/api/types.js";
import { changes } from "../src/format/changes.js";
import { aboutOf, bodyOf, draftOf, EVENTS, settingsOf, targetOf, withChannel } from "../src/pages/notifications/draft.js";

const SUBSCRIPTION = {
  name: "hook", channel: "webhook", config: { url: "https://x.example/y" }, events: ["dead", "succeeded"], applies: "named",
  filter: { types: ["a", "b"], priorities: ["low"], schedules: [] }, active: true,
} as unknown as Subscription;

test("the events are those of the API", () => {
  const { schemas } = (JSON.parse(readFileSync("../api/openapi.json", "utf8")) as { components: { schemas: Record<string, { properties: Record<string, { items: { enum: string[] } }> }> } }).components;
  assert.deepEqual(schemas["SubscriptionBody"]?.properties["events"]?.items.enum, [...EVENTS]);
});

test("a subscription that is saved unchanged changes nothing, whatever the order of its events", () => {
  const body = bodyOf(draftOf(SUBSCRIPTION));
  assert.deepEqual(changes(settingsOf(SUBSCRIPTION), body), []);
  assert.deepEqual([body.events, body.filter], [["succeeded", "dead"], { types: ["a", "b"], priorities: ["low"], schedules: [] }]);
  assert.throws(() => bodyOf({ ...draftOf(SUBSCRIPTION), config: "{" }), SyntaxError);
});

test("another channel has other settings, but what was typed stays", () => {
  const fresh = draftOf(null);
  assert.equal(withChannel(fresh, "sns").config, JSON.stringify({ topicArn: "" }, null, 2));
  assert.equal(withChannel(fresh, "constructor").config, "{}");
  assert.equal(withChannel({ ...fresh, config: '{"a": 1}' }, "sns").config, '{"a": 1}');
});

test("what it is about, and where it goes, in words", () => {
  assert.equal(aboutOf(SUBSCRIPTION), "jobs that name it of type a or b, in low");
  assert.equal(aboutOf({ applies: "all", filter: { types: [], priorities: [], schedules: [] } }), "all jobs");
  assert.equal(targetOf(SUBSCRIPTION), "https://x.example/y");
  assert.equal(targetOf({ config: { to: ["a@x", "b@x"] } } as never), "a@x, b@x");
  assert.equal(targetOf({ config: { secret: {} } } as never), "");
});
