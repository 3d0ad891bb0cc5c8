import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { start } from "./browser.js";
import { inPage } from "./in-page.js";
import { READER, submit, until } from "./stack.js";

let browser: Browser;

before(async () => {
  browser = await start();
});

after(() => browser.close());

test("an operator sees the dead jobs of each tenant, and what a month costs", async () => {
  const job = await submit({ type: "demo.broken", payload: { reason: "seen by operators" }, maxAttempts: 1 });
  await until(job.id, "dead");
  await inPage(browser, "", async (page) => {
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Tenants" }).click();
    const tenant = page.getByRole("region", { name: "Dead letters by tenant" }).getByRole("article", { name: "Dead letters of e2e" });
    await tenant.getByText("seen by operators").waitFor();
    const usage = page.getByRole("region", { name: "Usage by tenant" });
    await usage.getByRole("row", { name: /^e2e/ }).or(usage.getByText("Nothing was used in this month.")).first().waitFor();
    const months = await usage.getByLabel("Month (UTC)").locator("option").allTextContents();
    await usage.getByLabel("Month (UTC)").selectOption(months[1] ?? "");
    await usage.getByText("Nothing was used in this month.").waitFor();
    assert.equal(new URL(page.url()).searchParams.get("month"), months[1]);
  });
});

test("who is no operator is not offered the page, and sees nothing there", () =>
  inPage(browser, "dashboard/tenants", async (page) => {
    await page.getByRole("region", { name: "Dead letters by tenant" }).getByText("You may not see this").waitFor();
    await page.getByRole("region", { name: "Usage by tenant" }).getByText("You may not see this").waitFor();
    assert.equal(await page.getByRole("navigation", { name: "Pages" }).getByRole("link", { name: "Tenants" }).count(), 0);
  }, { token: READER }));
