import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { open, settled, start } from "./browser.js";
import { startIssuer, type Issuer } from "./issuer.js";
import { CODES, ISSUER_PORT, READER, STORED, TOKEN } from "./stack.js";

let browser: Browser;
let issuer: Issuer;

before(async () => {
  browser = await start();
  issuer = await startIssuer(ISSUER_PORT, TOKEN);
});

after(async () => {
  await browser.close();
  issuer.server.close();
});

test("a one-time link signs in once, and is gone from the address", async () => {
  const link = `#sign-in=${CODES[0]}`;
  const first = await open(browser, link, { token: null });
  await first.page.getByRole("heading", { name: "Overview" }).waitFor();
  assert.equal(new URL(first.page.url()).hash, "");
  const second = await open(browser, link, { token: null });
  await second.page.getByRole("alert").getByText("used already").waitFor();
  assert.equal(await second.page.evaluate((name) => sessionStorage.getItem(name), STORED), null);
  await Promise.all([first.context.close(), second.context.close()]);
});

test("the issuer signs in, and the page that was asked for comes back", async () => {
  const watched = await open(browser, "dashboard/jobs?state=dead", { token: null });
  const { page, context, faults } = watched;
  await page.getByRole("button", { name: `Sign in at 127.0.0.1:${ISSUER_PORT}` }).click();
  await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
  assert.equal(new URL(page.url()).search, "?state=dead");
  assert.deepEqual(issuer.refused, []);
  assert.deepEqual(faults.violations, []);
  await context.close();
});

test("an answer of the issuer that this tab did not ask for is refused", async () => {
  const { page, context } = await open(browser, "dashboard/signed-in?code=stolen&state=other", { token: null });
  await page.getByRole("alert").getByText("did not begin in this tab").waitFor();
  assert.equal(new URL(page.url()).search, "");
  await context.close();
});

test("a token is kept by its tab alone", async () => {
  const { page, context } = await open(browser, "dashboard/jobs", { token: null });
  await page.getByLabel("Token").fill(TOKEN);
  await page.getByRole("button", { name: "Sign in with the token" }).click();
  await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
  await page.reload();
  await page.getByRole("heading", { name: "Jobs", exact: true }).waitFor();
  const stored = await page.evaluate(() => [JSON.stringify(localStorage), document.cookie]);
  for (const text of stored) assert.ok(!text?.includes(TOKEN));
  const other = await context.newPage();
  await other.goto(page.url());
  await other.getByLabel("Token").waitFor();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByLabel("Token").waitFor();
  assert.equal(await page.evaluate((name) => sessionStorage.getItem(name), STORED), null);
  await context.close();
});

test("who may read only is offered nothing else", async () => {
  const watched = await open(browser, "dashboard/jobs", { token: READER });
  await settled(watched);
  assert.equal(await watched.page.getByRole("button", { name: "New job" }).count(), 0);
  await watched.page.goto(watched.page.url().replace("/jobs", "/queues"));
  await settled(watched);
  assert.equal(await watched.page.getByRole("button", { name: /^Pause/ }).count(), 0);
  await watched.context.close();
});

test("a token that the API refuses ends the session, and says so", async () => {
  const { page, context } = await open(browser, "dashboard/jobs", { token: `${TOKEN.slice(0, -4)}AAAA` });
  await page.getByText("Your session has ended").waitFor();
  await context.close();
});
