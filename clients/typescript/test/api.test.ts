/** Every operation once, on the real API: `WHENDUE_URL` and `WHENDUE_TOKEN` name it. Workers run its jobs. */
import assert from "node:assert/strict";
import { env } from "node:process";
import { test } from "node:test";
import { ApiError, Client, type operations } from "whendue-client";

const called = new Set<string>();
const client = noting(new Client({ url: env["WHENDUE_URL"] ?? "", token: env["WHENDUE_TOKEN"] ?? "" }));
// Compiles only while each operation has its method.
client satisfies Record<keyof operations, unknown>;

/** Return a client that notes which of its methods are called here; what they call themselves does not count. */
function noting(made: Client): Client {
  return new Proxy(made, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      called.add(String(name));
      return value.bind(target) as unknown;
    },
  });
}

const HOUR_MS = 3_600_000;
const inMs = (ms: number) => new Date(Date.now() + ms).toISOString();
const JOB = { type: "ok", payload: { é: [1, null] } };

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

/** Return the code that a call is refused with. */
async function code(call: Promise<unknown>): Promise<string> {
  const error: unknown = await call.catch((reason: unknown) => reason);
  assert.ok(error instanceof ApiError, String(error));
  return error.code;
}

test("jobs", async () => {
  const job = await client.submitJob({ ...JOB, delaySeconds: 600, tags: { team: "a:b" } }, { idempotencyKey: "once" });
  assert.deepEqual([job.type, job.state, job.replayed, job.effective.maxAttempts.value], ["ok", "scheduled", false, 4]);
  const again = await client.submitJob({ ...JOB, delaySeconds: 600, tags: { team: "a:b" } }, { idempotencyKey: "once" });
  assert.deepEqual([again.id, again.replayed], [job.id, true]);
  const unique = { key: "api", onConflict: "replace" } as const;
  const held = await client.submitJob({ type: "ok", delaySeconds: 900, unique });
  const newer = await client.submitJob({ type: "ok", delaySeconds: 900, unique });
  assert.deepEqual([newer.outcome, newer.unique?.replacedId], ["replaced", held.id]);
  assert.equal((await client.findUniqueHolder({ type: "ok", unique })).job?.id, newer.id);
  const read = await client.getJob(job.id);
  assert.deepEqual(read.payload, JOB.payload);
  assert.deepEqual(await client.getJobPayload(job.id), JOB.payload);
  assert.equal((await client.explainJob(job.id)).reasons[0]?.code, "not_due");
  assert.equal(await code(client.updateJob(job.id, { queue: "high" }, { ifMatch: '"other"' })), "precondition_failed");
  const changed = await client.updateJob(job.id, { dueAt: inMs(0) }, { ifMatch: read.etag });
  assert.notEqual(changed.etag, read.etag);
  const ended = await client.waitFor(job);
  assert.deepEqual([ended.state, ended.result], ["succeeded", { ...JOB.payload, attempt: 1 }]);
  assert.deepEqual(await client.getJobResult(job.id), ended.result);
  const filter = { tags: { team: "a:b" }, createdAfter: inMs(-HOUR_MS), limit: 1 };
  assert.deepEqual((await all(client.listJobs(filter))).map(({ id }) => id), [job.id]);
  const other = await client.scheduleTask({ type: "ok", delaySeconds: 900 });
  assert.equal((await client.cancelJob(other.id)).state, "cancelled");
  await client.eraseJob(other.id);
  assert.equal(await code(client.getJob(other.id)), "job_not_found");
});

test("jobs of a batch", async () => {
  const [first, second, refused] = await client.submitJobs([
    { ...JOB, ref: "first" },
    { ...JOB, dependsOn: [{ ref: "first" }] },
    { type: "nobody.knows" },
  ]);
  assert.equal(first?.status, 202);
  assert.equal(refused?.problem?.code, "unknown_task");
  assert.equal((await client.waitFor(second?.job?.id ?? "")).state, "succeeded");
});

test("dead letters", async () => {
  const { id } = await client.submitJob({ type: "bad", maxAttempts: 1 });
  assert.equal((await client.waitFor(id)).state, "dead");
  assert.equal((await all(client.listJobAttempts(id)))[0]?.error?.type, "RuntimeError");
  assert.deepEqual(await all(client.listJobLogs(id, { attempt: 1 })), []);
  const events = await all(client.listJobEvents(id, { limit: 2 }));
  assert.deepEqual(events.map(({ type }) => type), ["dead", "failed", "started", "submitted"]);
  assert.equal((await all(client.listDeadLetters({ type: "bad" })))[0]?.count, 1);
  const [acme] = await all(client.listDeadLettersByTenant({ type: "bad" }));
  assert.deepEqual([acme?.jobs, acme?.groups[0]?.count], [1, 1]);
  const fingerprint = acme?.groups[0]?.fingerprint;
  const dead = { queue: "normal", fingerprint, finishedAfter: inMs(-HOUR_MS), order: "oldest" } as const;
  assert.deepEqual((await all(client.listJobs(dead))).map(({ id }) => id), [id]);
  assert.equal((await client.redriveDeadLetters({ filter: { type: "bad" }, dryRun: true })).matched, 1);
  await client.redriveJob(id);
  assert.equal((await client.waitFor(id)).state, "dead");
  const result = await client.redriveAllDeadLetters({ filter: { type: "bad" } });
  assert.deepEqual([result.redriven, result.failed, result.cursor], [[id], [], null]);
});

test("bulk operations", async () => {
  const tags = { bulk: "yes" };
  const { id } = await client.submitJob({ type: "ok", delaySeconds: 600, tags });
  const found = await client.startOperation({ action: "cancel", filter: { tags }, dryRun: true });
  assert.deepEqual([found.id, found.counts.matched, found.examples], [null, 1, [id]]);
  const begun = await client.startOperation({ action: "cancel", filter: { tags } });
  const ended = await client.waitForOperation(begun.id ?? "");
  assert.deepEqual([ended.state, ended.counts.changed], ["finished", 1]);
  const redriven = await client.startOperation({ action: "redrive", ids: [id, "no-job"], ratePerSecond: 0.001 });
  assert.equal((await client.cancelOperation(redriven.id ?? "")).state, "cancelled");
  assert.equal((await client.getOperation(redriven.id ?? "")).state, "cancelled");
  assert.equal((await client.undoOperation(redriven.id ?? "")).undoes, redriven.id);
  assert.ok((await all(client.listOperations({ limit: 1 }))).some((operation) => operation.id === begun.id));
  assert.ok((await all(client.listOperations({ state: "finished" }))).some((operation) => operation.id === begun.id));
  const keyed = () => client.startOperation({ action: "cancel", all: true, limit: 1 }, { idempotencyKey: "typescript" });
  assert.equal((await keyed()).id, (await keyed()).id);
});

test("workflows", async () => {
  const made = await client.submitWorkflow({ nodes: { a: JOB, b: { type: "bad", maxAttempts: 1, dependsOn: ["a"] } } });
  const ended = await client.waitForWorkflow(made);
  assert.deepEqual([ended.state, ended.nodes.map(({ state }) => state)], ["dead", ["succeeded", "dead"]]);
  await client.retryWorkflow(made.id);
  assert.equal((await client.waitForWorkflow(made.id)).state, "dead");
  const later = await client.submitWorkflow({ chain: [{ type: "ok" }], delaySeconds: 900 });
  await client.cancelWorkflow(later.id);
  assert.equal((await client.getWorkflow(later.id)).state, "cancelled");
  assert.ok((await all(client.listWorkflows({ limit: 1 }))).some(({ id }) => id === later.id));
});

test("schedules", async () => {
  const wanted = { every: "PT1M", start: inMs(-HOUR_MS), job: JOB };
  const made = await client.putSchedule("minutely", wanted, { onlyCreate: true });
  assert.equal(await code(client.putSchedule("minutely", wanted, { onlyCreate: true })), "precondition_failed");
  await client.putSchedule("minutely", wanted, { ifMatch: made.etag });
  assert.deepEqual((await all(client.listSchedules())).map(({ name }) => name), ["minutely"]);
  const until = inMs(HOUR_MS);
  assert.equal((await client.pauseSchedule("minutely", { until })).paused?.until, until);
  assert.equal((await client.pauseSchedule("minutely", { reason: "later" })).paused?.reason, "later");
  const read = await client.getSchedule("minutely");
  assert.equal((await client.putSchedule("minutely", read)).etag, read.etag);
  const paused = { cron: "* * * * *", job: JOB, paused: { reason: "not yet" }, maxRuns: 3 };
  const copied = await client.putSchedule("copy", await client.putSchedule("paused", paused).then((it) => ({ ...it, name: "copy" })));
  assert.deepEqual([copied.state, copied.remainingRuns], ["paused", 3]);
  for (const name of ["paused", "copy"]) await client.deleteSchedule(name);
  assert.equal((await client.resumeSchedule("minutely")).name, "minutely");
  assert.equal((await client.previewSchedule("minutely", { limit: 2 })).items.length, 2);
  const from = "2031-03-30T00:00:00.000Z";
  assert.equal((await client.previewSchedule("minutely", { from, limit: 1 })).items[0]?.nominalAt?.slice(0, 13), "2031-03-30T00");
  const twice = await client.previewUnsavedSchedule({ crons: ["0 9 * * *", "0 9,11 * * *"], from, limit: 3 });
  assert.deepEqual(twice.items.map(({ local }) => local.slice(11, 13)), ["09", "11", "09"]);
  assert.equal((await client.previewUnsavedSchedule({ cron: "0 0 * * *", limit: 3 })).items.length, 3);
  const triggered = await client.triggerSchedule("minutely", { idempotencyKey: "now" });
  assert.equal((await client.triggerSchedule("minutely", { idempotencyKey: "now" })).replayed, true);
  const other = await client.triggerSchedule("minutely", { payload: { n: 7 }, queue: "high", tags: { by: "hand" } });
  assert.deepEqual([other.priority, other.tags], ["high", { by: "hand" }]);
  assert.deepEqual((await client.waitFor(other)).payload, { n: 7 });
  assert.equal((await all(client.listFires("minutely", { outcome: "triggered" })))[1]?.job?.id, triggered.id);
  const backfill = await client.backfillSchedule("minutely", { from: inMs(-HOUR_MS / 2), to: inMs(-HOUR_MS / 4) });
  assert.equal((await client.getBackfill("minutely", backfill.id)).id, backfill.id);
  assert.equal((await client.waitForBackfill("minutely", backfill)).state, "finished");
  assert.deepEqual((await all(client.listBackfills("minutely"))).map(({ id }) => id), [backfill.id]);
  for (const call of ["cancelBackfill", "pauseBackfill", "resumeBackfill"] as const)
    assert.equal(await code(client[call]("minutely", backfill.id)), "state_conflict");
  await client.deleteSchedule("minutely");
  assert.equal(await code(client.getSchedule("minutely")), "schedule_not_found");
});

test("queues, pauses, tasks and profiles", async () => {
  assert.ok((await all(client.listTasks())).some(({ name }) => name === "ok"));
  assert.equal((await client.getTask("ok")).policy.maxAttempts, null);
  assert.equal((await client.pauseQueue("low", { reason: "upkeep" })).reason, "upkeep");
  assert.ok((await all(client.listTasks())).some(({ name }) => name === "workflow"));
  assert.equal((await client.getTask("workflow")).payloadSchema?.["type"], "object");
  assert.equal((await all(client.listQueues())).find(({ name }) => name === "low")?.paused?.reason, "upkeep");
  await client.resumeQueue("low");
  await client.pauseTenant({ reason: "r" });
  await client.pauseTenant({ reason: "r", type: "bad" });
  assert.equal((await all(client.listPauses())).length, 2);
  await client.resumeTenant();
  await client.resumeTaskType("bad");
  const made = await client.putProfile("careful", { maxAttempts: 9 });
  await client.putProfile("careful", { maxAttempts: 8 }, { ifMatch: made.etag });
  assert.equal((await client.getProfile("careful")).version, 2);
  assert.equal((await client.getProfileVersion("careful", 1)).maxAttempts, 9);
  assert.ok((await all(client.listProfiles())).some(({ name }) => name === "careful"));
  await client.deleteProfile("careful");
});

test("subscriptions", async () => {
  const config = { url: "https://hooks.example.com/x" };
  const made = await client.putSubscription("hook", { channel: "webhook", config, events: ["dead"] }, { onlyCreate: true });
  assert.match(made.secret ?? "", /^whsec_/);
  assert.equal((await client.getSubscription("hook")).etag, made.etag);
  assert.deepEqual((await all(client.listSubscriptions())).map(({ name }) => name), ["hook"]);
  assert.equal((await client.enableSubscription("hook")).active, true);
  assert.notEqual((await client.rotateSubscriptionSecret("hook")).secret, made.secret);
  const delivery = await client.testSubscription("hook");
  const [listed] = await all(client.listDeliveries("hook", { limit: 1 }));
  assert.deepEqual([listed?.id, listed?.event], [delivery.id, "subscription.test"]);
  await client.cancelJob(delivery.id);
  assert.equal((await client.replayDelivery("hook", delivery.id)).id, delivery.id);
  await client.deleteSubscription("hook");
});

test("usage, metrics and health", async () => {
  assert.ok((await client.getUsage()).month);
  assert.match(await client.getMetrics(), /^# HELP /m);
  assert.equal((await client.getHealth()).status, "UP");
  assert.equal((await client.getReadiness()).status, "UP");
  assert.equal((await client.getActuatorHealth()).status, "UP");
});

test("every method was called", () => {
  const methods = Object.getOwnPropertyNames(Client.prototype).filter((name) => name !== "constructor");
  assert.deepEqual([...called].sort(), methods.sort());
});
