import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import type { Browser, Page } from "playwright-core";
import { settled, start, type Watched } from "./browser.js";
import { confirm, inPage as inBrowser, state } from "./in-page.js";
import { call, submit, until, type Job } from "./stack.js";

const GREET = { type: "demo.greet", payload: { name: "dashboard" } };
const LATER = { ...GREET, delaySeconds: 3600 };
let browser: Browser;

before(async () => {
  browser = await start();
});

after(() => browser.close());

const inPage = (path: string, work: (page: Page, watched: Watched) => Promise<void>) => inBrowser(browser, path, work);

test("submit a job, and watch it finish", () =>
  inPage("dashboard/jobs", async (page) => {
    await page.getByRole("button", { name: "New job" }).click();
    await page.getByLabel("Type").last().fill("demo.greet");
    await page.getByLabel("Payload (JSON)").fill('{"name": "Ada"}');
    await confirm(page, "Submit");
    await state(page).getByText("succeeded").waitFor();
    await page.getByText(/It succeeded, .* after it was due, and took/).waitFor();
    await page.getByRole("region", { name: "Result" }).getByText("Hello, Ada!").waitFor();
    await page.getByRole("region", { name: "History" }).getByText("Attempt 1 started").waitFor();
  }));

test("a payload that is no JSON, or no payload of the task, is refused where it is written", () =>
  inPage("dashboard/jobs", async (page) => {
    await page.getByRole("button", { name: "New job" }).click();
    await page.getByLabel("Type").last().fill("demo.greet");
    await page.getByLabel("Payload (JSON)").fill("{");
    await page.getByRole("dialog").getByRole("alert").first().waitFor();
    await page.getByLabel("Payload (JSON)").fill('{"nobody": 1}');
    await page.getByRole("button", { name: "Submit", exact: true }).click();
    await page.getByRole("dialog").getByText("name is required").waitFor();
  }));

test("a scheduled job says when it starts; it is moved, made urgent, run now", async () => {
  const job = await submit(LATER);
  await inPage(`dashboard/jobs/${job.id}`, async (page) => {
    await page.getByText("It is not due yet.").first().waitFor();
    await page.getByText("Predicted start:").getByText("in 59 min").waitFor();
    await page.getByRole("button", { name: "Reschedule" }).click();
    const day = new Date(Date.now() + 100 * 86_400_000).toISOString().slice(0, 10);
    await page.getByLabel(/^Due/).fill(`${day}T12:00:00`);
    await confirm(page, "Reschedule");
    await page.getByText("Predicted start:").getByText(`${day} 12:00:00`).waitFor();
    await page.getByRole("button", { name: "Queue", exact: true }).click();
    await page.getByRole("dialog").getByLabel("Queue").selectOption("critical");
    await confirm(page, "Move");
    await page.getByRole("region", { name: "History" }).getByText("normal → critical").waitFor();
    await page.getByRole("button", { name: "Run now" }).click();
    await confirm(page, "Run now");
    await state(page).getByText("succeeded").waitFor();
  });
});

test("a job that waits for another one leads to it", async () => {
  const first = await submit(LATER);
  const second = await submit({ ...GREET, dependsOn: [first.id] });
  await inPage(`dashboard/jobs/${second.id}`, async (page) => {
    await page.getByText("It waits for 1 job to end.").first().waitFor();
    await page.getByText("not before that job ends").waitFor();
    await page.getByRole("link", { name: first.id }).click();
    await page.getByText("It is not due yet.").first().waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await confirm(page, "Cancel the job");
    await state(page).getByText("cancelled").waitFor();
    await page.goBack();
    await state(page).getByText("cancelled").waitFor();
  });
});

test("a paused job says by whom and why; the resume lets it run", () =>
  inPage("dashboard/queues", async (page) => {
    await page.getByRole("button", { name: "Pause a task type" }).click();
    await page.getByRole("textbox", { name: "Task type" }).fill("demo.flaky");
    await page.getByRole("textbox", { name: "Reason" }).fill("the dashboard's own test");
    await confirm(page, "Pause");
    await page.getByRole("row", { name: /demo.flaky/ }).waitFor();
    const job = await submit({ type: "demo.flaky", payload: { failures: 0 }, delaySeconds: 8 });
    await page.goto(page.url().replace("queues", `jobs/${job.id}`));
    await page.getByText("the dashboard's own test").first().waitFor();
    await page.getByText("not before the pause ends").waitFor();
    await page.goto(page.url().replace(`jobs/${job.id}`, "queues"));
    await page.getByRole("button", { name: "Resume demo.flaky" }).click();
    await page.getByRole("row", { name: /demo.flaky/ }).waitFor({ state: "detached" });
    await until(job.id, "succeeded");
  }));

test("a limited job says what it waits for; a running one shows its progress, and stops when it is asked to", async () => {
  const limits = { concurrency: 1, key: `dashboard-${Date.now()}` };
  const wait = { type: "e2e.wait", payload: { seconds: 25 }, limits };
  const first = await submit(wait);
  await until(first.id, "running");
  const second = await submit(wait);
  await inPage(`dashboard/jobs/${second.id}`, async (page) => {
    await page.getByText(`1 job with the key ${limits.key} may run at once, and that many do.`).waitFor();
    await page.getByText("not before one of them ends").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await confirm(page, "Cancel the job");
    await state(page).getByText("cancelled").waitFor();
    await page.goto(page.url().replace(second.id, first.id));
    await page.getByText("Attempt 1 is running.").first().waitFor();
    await page.getByText("Running for").waitFor();
    await page.getByRole("group", { name: "Progress" }).getByText("left_s").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await confirm(page, "Cancel the job");
    await state(page).getByText("cancelled").waitFor();
  });
});

test("the filters are in the address, and the pages go both ways", async () => {
  const tag = { ...LATER, tags: { dashboard: "paging" } };
  for (let number = 0; number < 27; number += 1) await submit(tag);
  await inPage("dashboard/jobs", async (page) => {
    await page.getByLabel("State").selectOption("scheduled");
    await page.getByRole("button", { name: "More filters" }).click();
    await page.getByLabel("Tag").fill("dashboard:paging");
    await page.keyboard.press("Enter");
    await page.getByLabel("Per page").selectOption("25");
    await page.getByText("25 jobs").waitFor();
    assert.equal(new URL(page.url()).searchParams.get("tag"), "dashboard:paging");
    await page.getByRole("button", { name: "Older" }).click();
    await page.getByText("2 jobs").first().waitFor();
    await page.reload();
    await page.getByText("2 jobs").first().waitFor();
    await page.getByRole("button", { name: "Newer" }).click();
    await page.getByText("25 jobs").waitFor();
    assert.equal(new URL(page.url()).searchParams.get("cursor"), null);
  });
});

test("the jobs of a page are saved as a file", () =>
  inPage("dashboard/jobs", async (page, watched) => {
    await settled(watched);
    const [download] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export" }).click()]);
    const lines = (await readFile(await download.path(), "utf8")).split("\r\n");
    assert.equal(lines[0], "id,type,state,priority,attempt,maxAttempts,createdAt,dueAt,startedAt,finishedAt,schedule,errorType,errorMessage");
    assert.ok(lines.length > 1);
  }));

test("many jobs are cancelled together, with progress, and by the keyboard alone", async () => {
  const tag = { ...LATER, tags: { dashboard: "bulk" } };
  const jobs = [];
  for (let number = 0; number < 12; number += 1) jobs.push(await submit(tag));
  await inPage("dashboard/jobs?tag=dashboard:bulk", async (page, watched) => {
    await settled(watched);
    await page.keyboard.press("j");
    await page.keyboard.press("x");
    await page.getByText("1 job selected").waitFor();
    await page.keyboard.press("x");
    await page.getByLabel("Select all jobs of the page").focus();
    await page.keyboard.press("Space");
    await page.getByText("12 jobs selected").waitFor();
    await page.getByRole("region", { name: "Selected jobs" }).getByRole("button", { name: "Cancel" }).focus();
    await page.keyboard.press("Enter");
    await page.getByRole("dialog").getByRole("button", { name: "Cancel 12 jobs" }).focus();
    await page.keyboard.press("Enter");
    await page.getByText("Cancel: 12 changed.").waitFor();
    await page.getByText("scheduled", { exact: true }).locator("visible=true").and(page.locator(".badge")).first().waitFor({ state: "detached" });
  });
  for (const { id } of jobs) assert.equal((await call<Job>("GET", `/jobs/${id}`)).state, "cancelled");
});

test("the palette goes everywhere, and ? shows the keys", () =>
  inPage("", async (page) => {
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).getByText("Go to Dead letters").waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog").waitFor({ state: "detached" });
    await page.keyboard.press("Control+k");
    await page.keyboard.type("sched");
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Schedules" }).waitFor();
    await page.keyboard.press("g");
    await page.keyboard.press("j");
    await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
  }));

test("of a group of dead jobs one is tried first; then the rest runs", async () => {
  const dead = { type: "demo.broken", payload: { reason: "dashboard canary" }, maxAttempts: 1 };
  const jobs = [];
  for (let number = 0; number < 3; number += 1) jobs.push(await submit(dead));
  for (const { id } of jobs) await until(id, "dead");
  await inPage("dashboard/dead-letters", async (page) => {
    await page.getByRole("article").filter({ hasText: "dashboard canary" }).getByRole("button", { name: "Redrive…" }).click();
    await page.getByText("3 dead jobs in this group").waitFor();
    await page.getByRole("button", { name: "Try one first" }).click();
    await page.getByText("The canary died again").waitFor();
    await page.getByRole("button", { name: "Run the rest" }).click();
    await page.getByText("3 changed").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
  });
  for (const { id } of jobs) {
    const { items } = await call<{ items: { type: string }[] }>("GET", `/jobs/${id}/events`);
    assert.ok(items.some(({ type }) => type === "redriven"), id);
  }
});

test("a schedule shows its next fires; it is paused, resumed, triggered", async () => {
  await call("PUT", "/schedules/dashboard-test", { cron: "30 2 * * *", timezone: "Europe/Berlin", job: GREET });
  await inPage("dashboard/schedules/dashboard-test", async (page) => {
    await page.getByRole("region", { name: "Next fires" }).getByText("02:30").first().waitFor();
    await page.getByRole("button", { name: "Pause" }).click();
    await page.getByRole("textbox", { name: "Reason" }).fill("a holiday");
    await confirm(page, "Pause");
    await page.getByText("a holiday").waitFor();
    await page.getByRole("button", { name: "Resume" }).click();
    await state(page).getByText("active").waitFor();
    await page.getByRole("button", { name: "Trigger" }).click();
    await confirm(page, "Trigger");
    await state(page).getByText("succeeded").waitFor();
  });
});

test("past fires without a job are backfilled, with progress", async () => {
  const name = `dashboard-backfill-${Date.now()}`;
  await call("PUT", `/schedules/${name}`, { cron: "0 * * * *", job: GREET });
  await inPage(`dashboard/schedules/${name}`, async (page) => {
    const card = page.getByRole("region", { name: "Backfills" });
    await card.getByText("None.").waitFor();
    await card.getByRole("button", { name: "Backfill…" }).click();
    const dialog = page.getByRole("dialog");
    const range = await dialog.getByLabel(/^To/).inputValue();
    await dialog.getByLabel(/^From/).fill("2999-01-01T00:00:00");
    await dialog.getByText("It ends before it begins.").waitFor();
    await dialog.getByLabel(/^From/).fill(`${range.slice(0, 10)}T00:00:00`);
    await dialog.getByLabel(/^To/).fill(`${range.slice(0, 10)}T00:30:00`);
    await dialog.getByLabel("Reason").fill("the source was late");
    await confirm(page, "Begin");
    await card.getByText("finished").waitFor({ timeout: 90_000 });
    await card.getByText("1 job created").waitFor();
    await card.getByText("the source was late").waitFor();
    await page.getByRole("link", { name: "Its jobs" }).click();
    await page.getByRole("row", { name: /demo.greet succeeded/ }).waitFor({ timeout: 60_000 });
  });
});

test("a new schedule is tried across a clock change before it is saved, and what an edit changes is shown", () =>
  inPage("dashboard/schedules", async (page) => {
    const name = `dashboard-new-${Date.now()}`;
    await page.getByRole("button", { name: "New schedule" }).click();
    await page.getByRole("textbox", { name: "Name" }).fill(name);
    await page.getByLabel("Time zone").fill("Europe/Berlin");
    await page.getByLabel("When", { exact: true }).fill("30 2 * * *");
    await page.getByLabel("Job (JSON)").fill(JSON.stringify(GREET));
    const preview = page.getByRole("region", { name: "Preview" });
    await preview.getByText("02:30").first().waitFor();
    await preview.getByRole("button", { name: "Across the next clock change" }).click();
    await preview.locator(".badge").first().waitFor();
    await page.getByLabel("When", { exact: true }).fill("nonsense");
    await preview.getByRole("alert").waitFor();
    await page.getByLabel("When", { exact: true }).fill("30 2 * * *\n0 9 * * MON");
    await preview.getByText("09:00").first().waitFor();
    await confirm(page, "Save");
    await page.getByRole("heading", { name }).waitFor();
    await page.getByRole("button", { name: "Edit" }).click();
    await page.getByText("Nothing is changed yet.").waitFor();
    await page.getByLabel("Overlap").selectOption("skip");
    await page.getByRole("region", { name: "What will change" }).getByText('"allow" → "skip"').waitFor();
    await confirm(page, "Save");
    await page.getByRole("region", { name: "Settings" }).getByText("skip", { exact: true }).waitFor();
    await page.getByRole("button", { name: "Delete" }).click();
    await confirm(page, "Delete");
    await page.getByRole("heading", { name: "Schedules" }).waitFor();
  }));

test("a workflow of a thousand nodes is drawn, with its states, and leads to its jobs", async () => {
  const task = { type: "demo.greet", payload: { name: "node" } };
  const names = Array.from({ length: 1000 }, (_, number) => `n${number}`);
  // Forty begin; each further one follows two.
  const nodes = Object.fromEntries(names.map((name, number) => [name, { ...task, ...(number < 40 ? {} : { dependsOn: [`n${number - 40}`, `n${number - 33}`] }) }]));
  const { id } = await call<Job>("POST", "/workflows", { nodes, delaySeconds: 3600 });
  const small = await call<Job>("POST", "/workflows", { nodes: { first: task, broken: { type: "demo.broken", payload: { reason: "a node" }, maxAttempts: 1, dependsOn: ["first"] } } });
  await inPage(`dashboard/workflows/${small.id}`, async (page) => {
    await state(page).getByText("dead").waitFor();
    const graph = page.getByRole("region", { name: "Graph" });
    assert.equal(await graph.locator(".node").count(), 2);
    await page.getByRole("button", { name: "Retry" }).click();
    await confirm(page, "Retry");
    await state(page).getByText("dead").waitFor();
    await graph.getByRole("link", { name: /^broken/ }).click();
    await page.getByRole("heading", { name: "demo.broken" }).waitFor();
    await page.goto(page.url().replace(/dashboard\/.*/, `dashboard/workflows/${id}`));
    await graph.locator(".node").nth(999).waitFor();
    const began = performance.now();
    await graph.getByRole("button", { name: "Fit" }).click();
    await graph.getByRole("button", { name: "Actual size" }).waitFor();
    console.log(`a graph of 1,000 nodes fitted in ${Math.round(performance.now() - began)} ms, with the way to the browser and back`);
    await page.getByRole("button", { name: "Cancel" }).click();
    await confirm(page, "Cancel the workflow");
    await state(page).getByText("cancelled").waitFor();
  });
});
