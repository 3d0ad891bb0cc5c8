/**
 * The TypeScript client: submits jobs, waits for one of them, and reads a list.
 *
 * Shows a submit that is safe to repeat, a typed result, what a refusal is, many jobs at once, and a list.
 *
 * Run it beside `make up`, compiled by `tsc`:
 *
 *     WHENDUE_URL=$(make -s url) WHENDUE_TOKEN=$(make -s token) node sample.js
 */
import { env } from "node:process";
import { ApiError, Client, type Job } from "whendue-client";

const client = new Client({ url: env["WHENDUE_URL"] ?? "", token: env["WHENDUE_TOKEN"] ?? "" });

/** Submit a job once for an order, however often this is called, and wait for its end. */
async function greet(order: string) {
  const job = await client.submitJob(
    { type: "demo.greet", payload: { name: "Ada" }, retries: 3 },
    { idempotencyKey: `greet-${order}` },
  );
  return client.waitFor(job, { timeoutSeconds: 60 });
}

/** Submit a job for each guest, a day from now; return those that were accepted. */
async function invite(guests: string[]): Promise<Job[]> {
  const dueAt = new Date(Date.now() + 24 * 3600 * 1000).toISOString();
  const jobs = guests.map((name) => ({ type: "demo.greet", payload: { name }, dueAt, tags: { list: "guests" } }));
  const items = await client.submitJobs(jobs);
  return items.flatMap(({ job }) => job ?? []);
}

const greeted = await greet("7");
console.log(greeted.state, JSON.stringify(greeted.result));

const jobs = await invite(["Grace", "Edsger"]);
const { reasons } = await client.explainJob(jobs[0]!.id);
console.log(reasons[0]?.code);

await Promise.all(jobs.map(({ id }) => client.cancelJob(id)));
const cancelled: string[] = [];
for await (const job of client.listJobs({ tags: { list: "guests" }, state: "cancelled" })) cancelled.push(job.state);
console.log(...cancelled);

try {
  await client.submitJob({ type: "demo.greet", payload: { name: 7 } });
} catch (error) {
  if (!(error instanceof ApiError)) throw error;
  console.log(error.code, ...error.errors.map(({ where, problem }) => `${where} ${problem}`));
}
