import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { open, settled, start, visit, type Watched } from "./browser.js";
import { call, submit, until } from "./stack.js";

const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const XSS = `<img src=x onerror=alert(1)>"'><svg onload=alert(2)><script>alert(3)</script>`;
const PHONE = { width: 390, height: 844 };
let browser: Browser;
let pages: string[];

before(async () => {
  browser = await start();
  pages = await hostile();
});

after(() => browser.close());

/** Put texts that must not run into every field that takes a text; return the pages that show them. */
async function hostile(): Promise<string[]> {
  const tags = { "<svg onload=alert(4)>": XSS.slice(0, 51) };
  const good = await submit({ type: "demo.greet", payload: { name: XSS }, tags });
  const bad = await submit({ type: "demo.broken", payload: { reason: XSS }, maxAttempts: 1 });
  const later = await submit({ type: "demo.greet", payload: { name: XSS }, delaySeconds: 3600, tags });
  await call("PUT", "/schedules/hostile", { cron: "0 3 * * *", job: { type: "demo.greet", payload: { name: XSS } } });
  await call("POST", "/schedules/hostile/pause", { reason: XSS });
  await call("POST", "/pauses", { reason: XSS, type: "lambda" });
  await call("POST", "/queues/low/pause", { reason: XSS });
  const flow = await call<{ id: string }>("POST", "/workflows", { chain: [{ type: "demo.greet", payload: { name: XSS } }], tags });
  await until(good.id, "succeeded");
  await until(bad.id, "dead");
  for (const maxAttempts of [2, 3]) await call("PUT", "/profiles/craft", { maxAttempts });
  const config = { url: "https://hooks.example.com/?q='onload=alert(5)" };
  await call("PUT", "/subscriptions/craft", { channel: "webhook", config, events: ["dead"], applies: "named" });
  await call("POST", "/subscriptions/craft/test");
  const operation = await call<{ id: string }>("POST", "/operations", { action: "reprioritise", queue: "low", filter: { tags } });
  return [
    "",
    "dashboard/jobs",
    `dashboard/jobs?tag=${encodeURIComponent(`x:${XSS.slice(0, 51)}`)}`,
    `dashboard/jobs/${good.id}`,
    `dashboard/jobs/${bad.id}`,
    `dashboard/jobs/${later.id}`,
    // No path of a page has quotation marks, or a slash besides its own.
    `dashboard/jobs/${encodeURIComponent(XSS.replaceAll(/["/]/g, ""))}`,
    `dashboard/${encodeURIComponent(XSS.replaceAll(/["/]/g, ""))}`,
    "dashboard/queues",
    "dashboard/dead-letters",
    "dashboard/schedules",
    "dashboard/schedules/hostile",
    "dashboard/workflows",
    `dashboard/workflows/${flow.id}`,
    "dashboard/tenants",
    "dashboard/notifications",
    "dashboard/notifications/craft",
    "dashboard/profiles",
    "dashboard/profiles/craft",
    "dashboard/operations",
    `dashboard/operations/${operation.id}`,
  ];
}

test("no stored text runs, and nothing is asked of another origin", async () => {
  const watched = await open(browser, "");
  for (const path of pages) {
    await visit(watched, path);
    const { executed, violations, elsewhere } = watched.faults;
    assert.deepEqual({ executed, violations, elsewhere }, { executed: [], violations: [], elsewhere: [] }, path);
    assert.equal(await watched.page.locator("main img[src=x], main script, main svg[onload]").count(), 0, path);
  }
  await watched.context.close();
});

test("that a stored text would run is noticed", async () => {
  const watched = await open(browser, "dashboard/jobs", { bypassCSP: true });
  await watched.page.evaluate((text) => (document.body.innerHTML = text), XSS).catch(() => undefined);
  await watched.page.waitForTimeout(500);
  assert.ok(watched.faults.executed.length > 0);
  await watched.context.close();
});

interface Violation {
  impact: string;
  id: string;
  nodes: { html: string; failureSummary: string }[];
}

/** Return what axe finds serious or critical. */
async function serious({ page }: Watched): Promise<string[]> {
  await page.evaluate(AXE);
  const found = await page.evaluate(async () => {
    const { axe } = globalThis as unknown as { axe: { run(): Promise<{ violations: Violation[] }> } };
    return (await axe.run()).violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  });
  return found.map(({ id, nodes }) => `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`).join("; ")}`);
}

test("axe finds nothing serious, in either theme, at a desk and on a phone", async () => {
  for (const view of [{ theme: "light" }, { theme: "dark" }, { theme: "light", ...PHONE }] as const) {
    const watched = await open(browser, "", { ...view, bypassCSP: true });
    for (const path of pages) {
      await visit(watched, path);
      assert.deepEqual(await serious(watched), [], `${path} ${JSON.stringify(view)}`);
    }
    await watched.context.close();
  }
});

test("axe finds nothing serious in what opens above a page", async () => {
  for (const theme of ["light", "dark"] as const) {
    const watched = await open(browser, "dashboard/jobs", { theme, bypassCSP: true });
    const { page } = watched;
    await settled(watched);
    const opens: Record<string, () => Promise<void>> = {
      palette: () => page.keyboard.press("Control+k"),
      keys: () => page.keyboard.press("?"),
      submit: () => page.getByRole("button", { name: "New job" }).click(),
      bulk: async () => {
        await page.getByLabel("Select all jobs of the page").check();
        await page.getByRole("region", { name: "Selected jobs" }).getByRole("button", { name: "Cancel" }).click();
        await page.getByRole("dialog").getByText("Counting…").waitFor({ state: "detached" });
      },
    };
    for (const [name, show] of Object.entries(opens)) {
      await show();
      await page.getByRole("dialog").waitFor();
      assert.deepEqual(await serious(watched), [], `${name} ${theme}`);
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
    }
    await watched.context.close();
  }
});

test("no page is wider than a phone", async () => {
  const watched = await open(browser, "", PHONE);
  for (const path of pages) {
    await visit(watched, path);
    const [wide = 0, most = 0] = await watched.page.evaluate(() => [document.documentElement.scrollWidth, innerWidth]);
    assert.ok(wide <= most, `${path} is ${wide} px wide`);
  }
  await watched.context.close();
});

/** Let minutes go on, and count what the page asks in them: by its own clock, not by this machine's. */
async function counted(watched: Watched, minutes: number): Promise<{ perMinute: number; same: number }> {
  const begun = watched.answers.length;
  for (let second = 0; second < minutes * 60; second += 1) {
    await watched.page.clock.runFor(1000);
    // What was asked is answered before the time goes on.
    while (watched.underWay() > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }
  const answers = watched.answers.slice(begun);
  return { perMinute: answers.length / minutes, same: answers.filter(({ status }) => status === 304).length / answers.length };
}

test("a page that is looked at asks 20 times a minute for each thing, mostly in vain; one that is left asks rarely", async () => {
  for (const [path, things] of [["dashboard/jobs", 1], [pages[5], 2]] as const) {
    const watched = await open(browser, path ?? "", { clock: true });
    await settled(watched);
    const looked = await counted(watched, 1);
    const left = await counted(watched, 2);
    const name = (path ?? "").replace(/[0-9a-f-]{36}/, "{id}");
    console.log(`requests a minute at ${name}: ${looked.perMinute} looked at, ${left.perMinute} after that; ${Math.round(looked.same * 100)} % of them answered 304`);
    assert.ok(looked.perMinute >= 15 * things && looked.perMinute <= 21 * things, `${looked.perMinute}`);
    assert.ok(left.perMinute <= 5 * things, `${left.perMinute}`);
    assert.ok(looked.same > 0.5, `${looked.same}`);
    await watched.context.close();
  }
});

test("a payload of nearly 1 MiB is shown in part, and leaves the page responsive", async () => {
  const more = Array.from({ length: 20_000 }, (_, number) => ({ number, text: "x".repeat(20) }));
  const job = await submit({ type: "demo.greet", delaySeconds: 3600, payload: { name: "n", more } });
  const watched = await open(browser, `dashboard/jobs/${job.id}`);
  const { page } = watched;
  await page.getByRole("button", { name: "Load it" }).click();
  const next = page.getByRole("button", { name: /^Show more/ });
  await next.waitFor();
  assert.ok((await page.locator(".json-entry").count()) < 1000);
  const began = performance.now();
  await next.click();
  await page.getByText("18,900 items left").waitFor();
  console.log(`1,000 more entries of a payload of 1 MiB: ${Math.round(performance.now() - began)} ms, with the way to the browser and back`);
  await watched.context.close();
});
