import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { start } from "./browser.js";
import { confirm, inPage } from "./in-page.js";
import { call, READER, submit } from "./stack.js";

let browser: Browser;

before(async () => {
  browser = await start();
});

after(() => browser.close());

interface Effective {
  profileVersion: number;
  effective: { maxAttempts: { value: number } };
}

test("a profile is made, edited with what will change, and a job has the new version at once", async () => {
  const name = `dashboard-${Date.now()}`;
  await inPage(browser, "dashboard/profiles", async (page) => {
    await page.getByRole("row", { name: /built in/ }).first().waitFor();
    await page.getByRole("button", { name: "New profile" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByLabel("Attempts", { exact: true }).fill("77");
    await dialog.getByText("From 1 to 50.").waitFor();
    await dialog.getByRole("button", { name: "Create" }).click();
    await dialog.getByText("Mend what is marked first.").waitFor();
    await dialog.getByLabel("Attempts", { exact: true }).fill("7");
    await dialog.getByLabel("First retry after (s)").fill("1.5");
    await confirm(page, "Create");
    await page.getByRole("heading", { name }).waitFor();
    await page.getByText("This is the first one.").waitFor();
    await page.getByRole("button", { name: "Edit" }).click();
    await dialog.getByText("Nothing is changed yet.").waitFor();
    await dialog.getByLabel("Attempts", { exact: true }).fill("9");
    await dialog.getByLabel("Jobs at once").fill("3");
    const difference = dialog.getByRole("region", { name: "What will change" });
    await difference.getByText("7 → 9").waitFor();
    await difference.getByText('– → {"concurrency":3}').waitFor();
    await confirm(page, "Save version 2");
    await page.locator(".page-head").getByText("version 2").waitFor();
    await page.getByRole("region", { name: "Settings" }).getByText("3 at once").waitFor();
    const job = await submit({ type: "demo.greet", payload: { name: "p" }, profile: name, delaySeconds: 3600 });
    const { profileVersion, effective } = await call<Effective>("GET", `/jobs/${job.id}`);
    assert.deepEqual([profileVersion, effective.maxAttempts.value], [2, 9]);
    await page.getByRole("region", { name: "From version 1 to 2" }).getByText("7 → 9").waitFor();
    await page.getByRole("button", { name: "Go back to version 1" }).click();
    await confirm(page, "Save version 3");
    await page.locator(".page-head").getByText("version 3").waitFor();
    await page.getByLabel("Version 3 beside").selectOption("1");
    await page.getByText("They set the same.").waitFor();
    await page.getByRole("button", { name: "Delete" }).click();
    await confirm(page, "Delete");
    await page.getByRole("heading", { name: "Profiles" }).waitFor();
    await page.getByRole("link", { name }).waitFor({ state: "detached" });
  });
});

test("a version that somebody else has saved meanwhile is not written over", async () => {
  const name = `dashboard-race-${Date.now()}`;
  await call("PUT", `/profiles/${name}`, { maxAttempts: 2 });
  await inPage(browser, `dashboard/profiles/${name}`, async (page) => {
    await page.getByRole("button", { name: "Edit" }).click();
    await call("PUT", `/profiles/${name}`, { maxAttempts: 3 });
    await page.getByRole("dialog").getByLabel("Attempts", { exact: true }).fill("4");
    await page.getByRole("button", { name: "Save version 2" }).click();
    await page.getByRole("dialog").getByRole("alert").waitFor();
  });
  assert.equal((await call<{ maxAttempts: number }>("GET", `/profiles/${name}`)).maxAttempts, 3);
});

test("a built-in profile is shown, and who may only read changes none", () =>
  inPage(browser, "dashboard/profiles", async (page) => {
    await page.getByRole("row", { name: /built in/ }).first().getByRole("link").click();
    await page.getByRole("region", { name: "Settings" }).waitFor();
    assert.equal(await page.getByRole("button", { name: /^(Edit|Copy|Delete)$/ }).count(), 0);
  }, { token: READER }));
