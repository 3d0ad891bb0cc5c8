/** What the client sends, sends again, and makes of answers that are no results; against a server that misbehaves. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { inspect } from "node:util";
import { ApiError, type Client, TransportError, UnexpectedAnswerError } from "whendue-client";
import { aClock, answer, clientOf, dropped, half, problem, serving } from "./servers.js";

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;
const JOB = { type: "demo.greet" };

/** Return the error that a call rejects with. */
async function failed<E extends Error>(call: Promise<unknown>, kind: abstract new (...given: never[]) => E): Promise<E> {
  const error: unknown = await call.then(
    () => assert.fail("it did not fail"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof kind, inspect(error));
  return error;
}

for (const [name, reply] of Object.entries({ "503": problem(503, "unavailable"), "502": answer(502, "<html>"), dropped, half })) {
  test(`a submit is sent again after ${name}, with the same key`, async (context) => {
    const clock = aClock();
    const { url, seen } = await serving(context, reply, reply, answer(202, { id: "j" }));
    const made = await clientOf(url, { clock }).submitJob(JOB);
    assert.deepEqual(made, { id: "j", replayed: false });
    const keys = seen.map(({ headers }) => headers["idempotency-key"]);
    assert.equal(keys.length, 3);
    assert.match(String(keys[0]), UUID);
    assert.equal(new Set(keys).size, 1);
    assert.deepEqual(clock.slept, [0.25, 0.5]);
    assert.deepEqual(seen.map(({ body }) => body), Array(3).fill('{"type":"demo.greet"}'));
  });
}

test("two submits have different keys, and a key that is given is sent", async (context) => {
  const { url, seen } = await serving(context, answer(202, { id: "j" }, { "Idempotency-Replayed": "true" }));
  const client = clientOf(url);
  await client.submitJob(JOB);
  await client.submitJob(JOB);
  assert.equal((await client.submitJob(JOB, { idempotencyKey: "order-7" })).replayed, true);
  const [first, second, third] = seen.map(({ headers }) => headers["idempotency-key"]);
  assert.notEqual(first, second);
  assert.equal(third, "order-7");
});

test("keys are unique where the platform has no crypto", async (context) => {
  const { url, seen } = await serving(context, answer(202, { id: "j" }));
  const before = Object.getOwnPropertyDescriptor(globalThis, "crypto");
  Object.defineProperty(globalThis, "crypto", { value: undefined, configurable: true });
  try {
    for (let number = 0; number < 100; number += 1) await clientOf(url).submitJob(JOB);
  } finally {
    if (before === undefined) Reflect.deleteProperty(globalThis, "crypto");
    else Object.defineProperty(globalThis, "crypto", before);
  }
  const keys = seen.map(({ headers }) => String(headers["idempotency-key"]));
  for (const key of keys) assert.match(key, UUID);
  assert.equal(new Set(keys).size, 100);
});

const ONCE: Record<string, (client: Client) => Promise<unknown>> = {
  redriveJob: (client) => client.redriveJob("j"),
  redriveDeadLetters: (client) => client.redriveDeadLetters({ filter: { type: "x" } }),
  undoOperation: (client) => client.undoOperation("o"),
  retryWorkflow: (client) => client.retryWorkflow("w"),
  backfillSchedule: (client) => client.backfillSchedule("s", { from: "2026-01-01T00:00:00Z", to: "2026-01-02T00:00:00Z" }),
  putSubscription: (client) => client.putSubscription("s", { channel: "sns", config: {}, events: ["dead"] }),
  rotateSubscriptionSecret: (client) => client.rotateSubscriptionSecret("s", { ifMatch: '"1"' }),
};
for (const [name, call] of Object.entries(ONCE)) {
  test(`${name} is not sent again when it may have arrived, but after a 429`, async (context) => {
    for (const lost of [dropped, problem(503, "unavailable")]) {
      const { url, seen } = await serving(context, lost, answer(200));
      await assert.rejects(call(clientOf(url)));
      assert.equal(seen.length, 1);
    }
    const { url, seen } = await serving(context, answer(429, "{}", { "Retry-After": "2" }), answer(200));
    const clock = aClock();
    await call(clientOf(url, { clock }));
    assert.equal(seen.length, 2);
    assert.deepEqual(clock.slept, [2.25]);
  });
}

test("a redrive that changes nothing twice is sent again", async (context) => {
  const calls: ((client: Client) => Promise<unknown>)[] = [
    (client) => client.redriveJob("j", { ifMatch: '"1"' }),
    (client) => client.redriveDeadLetters({ dryRun: true }),
    (client) => client.startOperation({ action: "cancel", all: true, dryRun: true }),
  ];
  for (const call of calls) {
    const { url, seen } = await serving(context, dropped, answer(200));
    await call(clientOf(url));
    assert.equal(seen.length, 2);
  }
});

test("an operation is begun once, by the key that it is sent again with", async (context) => {
  for (const options of [{}, { idempotencyKey: "night-7" }]) {
    const { url, seen } = await serving(context, dropped, answer(200));
    await clientOf(url).startOperation({ action: "cancel", all: true }, options);
    const keys = seen.map(({ headers }) => headers["idempotency-key"]);
    assert.deepEqual(keys, [keys[0], keys[0]]);
    assert.match(String(keys[0]), "idempotencyKey" in options ? /^night-7$/ : UUID);
  }
});

test("without a connection even a request that must not be carried out twice is sent again", async () => {
  const clock = aClock();
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const error = await failed(clientOf(`http://127.0.0.1:${port}`, { clock }).retryWorkflow("w"), TransportError);
  assert.equal(error.sent, false);
  assert.equal(error.attempts, 5);
  assert.deepEqual(clock.slept, [0.25, 0.5, 1, 2]);
});

test("the last error has the number of attempts and the key", async (context) => {
  const { url, seen } = await serving(context, problem(503, "unavailable", { "x-amzn-RequestId": "r-1" }));
  const error = await failed(clientOf(url, { retry: { attempts: 3 } }).submitJob(JOB), ApiError);
  assert.equal(seen.length, 3);
  assert.equal(error.attempts, 3);
  assert.equal(error.idempotencyKey, seen[0]?.headers["idempotency-key"]);
  assert.deepEqual([error.status, error.code, error.detail, error.requestId], [503, "unavailable", "d", "r-1"]);
  assert.equal(error.message, "503 unavailable: d (request r-1)");
});

test("a Retry-After that is longer than the time left ends the call", async (context) => {
  const clock = aClock();
  const { url, seen } = await serving(context, problem(503, "unavailable", { "Retry-After": "90" }));
  const error = await failed(clientOf(url, { clock }).getJob("j"), ApiError);
  assert.equal(error.retryAfterSeconds, 90);
  assert.equal(seen.length, 1);
  assert.deepEqual(clock.slept, []);
});

test("a Retry-After may be a date", async (context) => {
  const clock = aClock(0);
  const date = new Date(clock.nowMs() + 7000).toUTCString();
  const { url } = await serving(context, problem(503, "unavailable", { "Retry-After": date }), answer(200, { id: "j" }));
  await clientOf(url, { clock }).getJob("j");
  assert.deepEqual(clock.slept, [7]);
});

test("a refusal is not sent again, and names its places", async (context) => {
  const body = { type: "t", title: "t", status: 422, code: "invalid_payload", detail: "d", errors: [{ where: "name", problem: "p" }] };
  const { url, seen } = await serving(context, answer(422, body));
  const error = await failed(clientOf(url).submitJob(JOB), ApiError);
  assert.equal(seen.length, 1);
  assert.deepEqual(error.errors, [{ where: "name", problem: "p" }]);
  assert.equal(error.message, "422 invalid_payload: d; name: p");
});

test("a place that the detail names is not repeated", async (context) => {
  const errors = [{ where: "cron", problem: "p" }, { where: "at", problem: "p" }, { where: "", problem: "q" }];
  const body = { type: "t", title: "t", status: 400, code: "invalid_schedule", detail: "cron: p", errors };
  const { url } = await serving(context, answer(400, body));
  const error = await failed(clientOf(url).submitJob(JOB), ApiError);
  assert.equal(error.message, "400 invalid_schedule: cron: p; at: p; q");
});

test("a gateway's refusal has the code of its status", async (context) => {
  const { url } = await serving(context, answer(403, { message: "Forbidden" }));
  const error = await failed(clientOf(url).getJob("j"), ApiError);
  assert.deepEqual([error.code, error.detail], ["http_403", "Forbidden"]);
});

for (const [name, reply] of Object.entries({
  "a page": answer(200, "<html>"),
  nothing: answer(200, ""),
  "a redirect": answer(302, "", { Location: "http://127.0.0.1:1/" }),
})) {
  test(`${name} is not an answer of the API`, async (context) => {
    const { url, seen } = await serving(context, reply);
    await failed(clientOf(url).getJob("j"), UnexpectedAnswerError);
    assert.equal(seen.length, 1);
  });
}

test("an answer that never ends is not read to its end", async (context) => {
  const { url } = await serving(context, (response) => {
    const more = () => response.write("x".repeat(1024 * 1024), (error) => error ?? more());
    more();
  });
  await failed(clientOf(url).getJob("j"), UnexpectedAnswerError);
});

test("an answer that does not come ends with its attempt", async (context) => {
  const { url, seen } = await serving(context, () => {});
  const error = await failed(clientOf(url, { timeoutSeconds: 0.05, retry: { attempts: 2 } }).getJob("j"), TransportError);
  assert.equal(error.sent, true);
  assert.equal(seen.length, 2);
});

test("a call that is aborted ends with the reason, whether it is sent or waits", async (context) => {
  const stop = new AbortController();
  const reason = new Error("enough");
  const { url, seen } = await serving(context, () => stop.abort(reason));
  await assert.rejects(clientOf(url).getJob("j", { signal: stop.signal }), reason);
  await assert.rejects(clientOf(url).waitFor("j", { signal: stop.signal }), reason);
  assert.equal(seen.length, 1);
  const later = new AbortController();
  const busy = await serving(context, (response) => {
    response.on("close", () => later.abort(reason));
    problem(503, "unavailable", { "Retry-After": "50" })(response);
  });
  // On the system's clock.
  await assert.rejects(clientOf(busy.url, { clock: undefined as never }).getJob("j", { signal: later.signal }), reason);
});

test("ids are escaped, and those that would be another path are refused", async (context) => {
  const { url, seen } = await serving(context, answer(200));
  await clientOf(`${url}/stage/`).getJob("a/b?c#d é");
  assert.equal(seen[0]?.path, "/stage/jobs/a%2Fb%3Fc%23d%20%C3%A9");
  for (const id of ["", ".", ".."]) await assert.rejects(clientOf(url).getJob(id), TypeError);
  assert.equal(seen.length, 1);
});

test("health that is down is an answer, and health needs no token", async (context) => {
  const { url, seen } = await serving(context, answer(503, { status: "DOWN" }));
  const token = () => assert.fail("it is asked for a token");
  assert.deepEqual(await clientOf(url, { token }).getReadiness(), { status: "DOWN" });
  assert.equal(seen[0]?.headers.authorization, undefined);
  await failed(clientOf(url, { retry: { attempts: 1 } }).getHealth(), ApiError);
});

test("a list reads page after page, and stops at a cursor that leads nowhere", async (context) => {
  const { url, seen } = await serving(
    context,
    answer(200, { items: [1, 2], cursor: "b" }),
    answer(200, { items: [], cursor: "c" }),
    answer(200, { items: [3], cursor: null }),
  );
  const found: unknown[] = [];
  for await (const job of clientOf(url).listJobs({ tags: { team: "a:b" }, limit: 2 })) found.push(job);
  assert.deepEqual(found, [1, 2, 3]);
  assert.deepEqual(
    seen.map(({ path }) => path),
    ["", "&cursor=b", "&cursor=c"].map((cursor) => `/jobs?limit=2&tag=team%3Aa%3Ab${cursor}`),
  );
  const same = await serving(context, answer(200, { items: [], cursor: "x" }));
  const endless = (async () => {
    for await (const _ of clientOf(same.url).listSchedules()) assert.fail("it has no item");
  })();
  await failed(endless, UnexpectedAnswerError);
});

test("jobs are submitted in batches that the API takes, each with a key of its own", async (context) => {
  const { url, seen } = await serving(
    context,
    answer(207, { items: Array(500).fill({ status: 202 }) }),
    answer(207, { items: [{ status: 202 }] }),
  );
  const jobs = Array.from({ length: 501 }, () => JOB);
  assert.equal((await clientOf(url).submitJobs(jobs, { idempotencyKey: "list" })).length, 501);
  assert.deepEqual(seen.map(({ headers }) => headers["idempotency-key"]), ["list-0", "list-1"]);
  const large = Array.from({ length: 6 }, () => ({ ...JOB, payload: "é".repeat(500_000) }));
  seen.length = 0;
  await clientOf(url).submitJobs(large);
  assert.deepEqual(seen.map(({ body }) => (JSON.parse(body) as { jobs: unknown[] }).jobs.length), [5, 1]);
  await assert.rejects(clientOf(url).submitJobs([...jobs, { ...JOB, ref: "a" }]), TypeError);
});

test("the error of a batch has the key of the whole call", async (context) => {
  const { url } = await serving(context, problem(500, "internal_error"));
  const error = await failed(clientOf(url).submitJobs([JOB], { idempotencyKey: "list" }), ApiError);
  assert.equal(error.idempotencyKey, "list");
});

test("a wait that is over in vain has what was read last", async (context) => {
  const clock = aClock();
  const { url, seen } = await serving(context, answer(200, { id: "j", state: "running" }));
  const error = await clientOf(url, { clock }).waitFor({ id: "j" }, { timeoutSeconds: 3 }).catch((reason) => reason);
  assert.equal(error.name, "WaitTimeoutError");
  assert.equal(error.last.state, "running");
  assert.deepEqual(clock.slept, [0.5, 0.75, 1.125, 0.625]);
  assert.equal(seen.length, 5);
});

test("a job is read every two seconds if the API has no room for requests that wait", async (context) => {
  const clock = aClock();
  const { url, seen } = await serving(context, answer(200, { id: "j", state: "running" }));
  await clientOf(url, { clock }).waitFor({ id: "j" }, { timeoutSeconds: 60 }).catch((reason) => reason);
  assert.equal(Math.max(...clock.slept), 2);
  assert.equal(seen.length, clock.slept.length + 1);
  assert.ok(seen.length < 40);
});

test("a request that could not wait is sent again when its answer says", async (context) => {
  const clock = aClock();
  const { url, seen } = await serving(context, answer(200, { id: "j", state: "running" }, { "Retry-After": "6" }));
  const client = clientOf(url, { clock });
  assert.equal((await client.getJob("j", { waitSeconds: 20 })).retryAfterSeconds, 6);
  await client.waitFor({ id: "j" }, { timeoutSeconds: 60 }).catch((reason) => reason);
  assert.ok(clock.slept.slice(0, -1).every((seconds) => seconds >= 6 && seconds <= 12));
  assert.ok(seen.length < 12);
});

test("options that cannot be sent are refused before anything is", async (context) => {
  const { url, seen } = await serving(context, answer(200));
  const client = clientOf(url);
  const options = [
    { url: "whendue.example.com" },
    { url: "http://whendue.example.com" },
    { url: "https://a:b@whendue.example.com" },
    { url: "https://whendue.example.com?x=1" },
    { timeoutSeconds: 0 },
    { retry: { attempts: 0 } },
    { retry: { totalSeconds: Infinity } },
    { token: "a\nb" },
    { token: "" },
    { token: 7 as never },
    { token: null as never },
    { token: {} as never },
  ];
  for (const option of options) assert.throws(() => clientOf(url, option), TypeError, inspect(option));
  assert.ok(clientOf("http://whendue.example.com", { plainHttp: true }));
  for (const key of ["", "a b", "é", "x".repeat(256)]) {
    await assert.rejects(client.submitJob(JOB, { idempotencyKey: key }), TypeError);
  }
  await assert.rejects(client.putSchedule("s", {} as never, { ifMatch: "1", onlyCreate: true }), TypeError);
  assert.equal(seen.length, 0);
});
