/**
 * Screenshots of the main pages, at the width of a desk and of a phone, in both themes: to be looked at.
 *
 * `docs` as argument takes those that are in `docs/guide/dashboard`; another argument, the pages whose names begin so.
 */
import { mkdir } from "node:fs/promises";
import { open, settled, start } from "./browser.js";
import { call, submit, type Job } from "./stack.js";

const folder = process.env["SCREENSHOTS"] ?? "screenshots";
const only = process.argv[2];

/** A job that waits for its second retry, as a reader finds it. */
async function retrying(): Promise<string> {
  const job = await submit({
    type: "demo.flaky",
    payload: { failures: 3 },
    backoff: { baseSeconds: 4, factor: 10, jitter: "none" },
    tags: { team: "billing" },
  });
  for (;;) {
    const { attempt, state } = await call<{ attempt: number; state: string }>("GET", `/jobs/${job.id}`);
    if (attempt === 2 && state === "scheduled") return job.id;
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function forDocs(): Promise<void> {
  const id = await retrying();
  const browser = await start();
  const shots = [
    ["job", `dashboard/jobs/${id}`, { width: 1280, height: 800, theme: "light" }],
    ["jobs", "dashboard/jobs", { width: 1280, height: 800, theme: "dark" }],
    ["phone", `dashboard/jobs/${id}`, { width: 390, height: 844, theme: "light" }],
  ] as const;
  for (const [name, path, view] of shots) {
    const watched = await open(browser, path, view);
    await settled(watched);
    await watched.page.screenshot({ path: `${folder}/${name}.png` });
    await watched.context.close();
  }
  await browser.close();
}

async function main(): Promise<void> {
  await mkdir(folder, { recursive: true });
  if (only === "docs") return forDocs();
  const { items } = await call<{ items: (Job & { type: string })[] }>("GET", "/jobs?limit=200");
  const flows = await call<{ items: Job[] }>("GET", "/workflows?limit=1");
  const operations = await call<{ items: Job[] }>("GET", "/operations?limit=1");
  const of = (state: string): string => `dashboard/jobs/${items.find((job) => job.state === state)?.id ?? "none"}`;
  const pages: Record<string, string> = {
    overview: "",
    jobs: "dashboard/jobs",
    "jobs-dead": "dashboard/jobs?state=dead&tag=team:billing",
    "job-scheduled": of("scheduled"),
    "job-dead": of("dead"),
    "job-succeeded": of("succeeded"),
    queues: "dashboard/queues",
    "dead-letters": "dashboard/dead-letters",
    schedules: "dashboard/schedules",
    schedule: "dashboard/schedules/nightly-report",
    workflows: "dashboard/workflows",
    workflow: `dashboard/workflows/${flows.items[0]?.id ?? "none"}`,
    operations: "dashboard/operations",
    operation: `dashboard/operations/${operations.items[0]?.id ?? "none"}`,
    profiles: "dashboard/profiles",
    profile: "dashboard/profiles/mails",
    notifications: "dashboard/notifications",
    notification: "dashboard/notifications/orders",
    tenants: "dashboard/tenants",
    none: "dashboard/jobs?type=none.at.all",
  };
  for (const maxAttempts of [8, 12]) await call("PUT", "/profiles/mails", { maxAttempts, backoff: { baseSeconds: 30, capSeconds: 21_600 }, limits: { concurrency: 5 } });
  await call("PUT", "/subscriptions/orders", { channel: "webhook", config: { url: "https://hooks.example.com/whendue" }, events: ["succeeded", "dead"], applies: "named" });
  await call("POST", "/subscriptions/orders/test");
  const browser = await start();
  for (const [name, path] of Object.entries(pages)) {
    if (only && !name.startsWith(only)) continue;
    for (const [width, theme] of [[1280, "light"], [1280, "dark"], [390, "light"]] as const) {
      if (theme === "dark" && !["overview", "jobs", "job-dead"].includes(name)) continue;
      const watched = await open(browser, path, { width, height: width === 390 ? 844 : 900, theme });
      const { page, context, faults } = watched;
      await settled(watched);
      await page.screenshot({ path: `${folder}/${name}-${width}-${theme}.png`, fullPage: true });
      console.log(name, width, theme, JSON.stringify(faults));
      await context.close();
    }
  }
  const signIn = await open(browser, "", { token: null });
  await signIn.page.waitForSelector("form");
  await signIn.page.screenshot({ path: `${folder}/sign-in.png` });
  await browser.close();
  return undefined;
}

await main();
