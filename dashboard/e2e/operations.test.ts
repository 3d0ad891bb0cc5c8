import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { settled, start } from "./browser.js";
import { confirm, inPage, state } from "./in-page.js";
import { call, READER, until, type Job } from "./stack.js";

const LATER = { type: "demo.greet", payload: { name: "many" }, delaySeconds: 7200 };
let browser: Browser;

before(async () => {
  browser = await start();
});

after(() => browser.close());

async function many(tag: string, number: number, more: Record<string, unknown> = {}): Promise<Job[]> {
  const jobs = Array.from({ length: number }, () => ({ ...LATER, tags: { many: tag }, ...more }));
  const made = await call<{ items: { job: Job }[] }>("POST", "/jobs/batch", { jobs });
  return made.items.map(({ job }) => job);
}

test("more jobs than a page are cancelled at once: counted first, with progress, and found among the operations", async () => {
  const jobs = await many("pages", 130);
  const [other] = await many("others", 1);
  await inPage(browser, "dashboard/jobs?tag=many:pages&limit=25", async (page, watched) => {
    await settled(watched);
    await page.getByLabel("Select all jobs of the page").check();
    await page.getByText("25 jobs selected").waitFor();
    await page.getByRole("button", { name: "Select all that match" }).click();
    const bar = page.getByRole("region", { name: "Selected jobs" });
    await bar.getByText("All jobs that match").waitFor();
    await bar.getByRole("button", { name: "Cancel" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByText("tag many:pages").waitFor();
    await dialog.getByRole("button", { name: "Cancel 130 jobs" }).click();
    await dialog.getByText(/changed/).waitFor();
    await dialog.getByRole("link", { name: "The operation" }).click();
    await page.getByRole("heading", { name: "Cancel", exact: true }).waitFor();
    await state(page).getByText("finished").waitFor({ timeout: 150_000 });
    await page.getByText("130 changed").waitFor();
    await page.getByRole("link", { name: "Operations" }).first().click();
    await page.getByRole("row", { name: /Cancel.*finished.*tag many:pages.*130 changed/ }).first().waitFor();
  });
  for (const { id } of [jobs[0], jobs.at(-1)].filter((job) => job !== undefined)) await until(id, "cancelled");
  assert.equal((await call<Job>("GET", `/jobs/${other?.id}`)).state, "scheduled");
});

test("an operation at a slow pace is stopped, and a redrive is undone", async () => {
  const jobs = await many("slow", 3);
  await call("POST", "/operations", { action: "cancel", filter: { tags: { many: "slow" } } });
  for (const { id } of jobs) await until(id, "cancelled");
  const begun = await call<Job>("POST", "/operations", { action: "redrive", filter: { state: "cancelled", tags: { many: "slow" } }, ratePerSecond: 0.01 });
  await inPage(browser, `dashboard/operations/${begun.id}`, async (page) => {
    await page.getByText("state cancelled, tag many:slow").waitFor();
    await page.getByText("0.01 a second").waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await confirm(page, "Stop it");
    await state(page).getByText("cancelled").waitFor();
    await page.getByRole("button", { name: "Undo" }).click();
    await confirm(page, "Undo it");
    await page.getByRole("heading", { name: "Undo a redrive" }).waitFor();
    await page.getByRole("link", { name: begun.id }).waitFor();
  });
});

test("selected jobs are moved to a queue, and the history names the operation", async () => {
  const [first, second] = await many("move", 2);
  await inPage(browser, "dashboard/jobs?tag=many:move", async (page, watched) => {
    await settled(watched);
    await page.getByLabel("Select all jobs of the page").check();
    await page.getByRole("region", { name: "Selected jobs" }).getByRole("button", { name: "Move" }).click();
    await page.getByLabel("To queue").selectOption("critical");
    await page.getByRole("button", { name: "Move 2 jobs" }).click();
    await page.getByText("Move: 2 changed.").waitFor();
    await page.goto(page.url().replace(/jobs\?.*/, `jobs/${second?.id}`));
    const history = page.getByRole("region", { name: "History" });
    await history.getByText("normal → critical").waitFor();
    await history.getByRole("link", { name: "a bulk operation" }).click();
    await page.getByText("2 jobs, chosen one by one").waitFor();
  });
  assert.equal((await call<Job & { queue: string }>("GET", `/jobs/${first?.id}`)).queue, "critical");
});

test("who may only read is offered nothing to do", () =>
  inPage(browser, "dashboard/operations", async (page) => {
    await page.getByRole("row").nth(1).getByRole("link").click();
    await page.getByRole("region", { name: "Progress" }).waitFor();
    assert.equal(await page.getByRole("button", { name: /^(Stop|Undo)$/ }).count(), 0);
  }, { token: READER }));
