import assert from "node:assert/strict";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import type { Browser } from "playwright-core";
import { start } from "./browser.js";
import { confirm, inPage, state } from "./in-page.js";
import { call, READER, submit } from "./stack.js";

let browser: Browser;
let server: Server;
let url: string;
/** What the receiver got; and what it answers. */
const received: { type: string; id: string }[] = [];
let status = 200;

before(async () => {
  browser = await start();
  server = createServer((request, response) => {
    void bodyOf(request).then((text) => {
      received.push({ type: (JSON.parse(text) as { type: string }).type, id: String(request.headers["webhook-id"]) });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});

after(async () => {
  await browser.close();
  server.close();
});

/** Wait until the receiver has what is expected. */
async function until(isSo: () => boolean): Promise<void> {
  for (let tries = 0; tries < 600; tries += 1) {
    if (isSo()) return;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`not received: ${JSON.stringify(received)}`);
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

test("a subscription is made, its key shown once, a test sent, found in the log and sent again", async () => {
  const name = `dashboard-${Date.now()}`;
  await inPage(browser, "dashboard/notifications", async (page) => {
    await page.getByRole("button", { name: "New subscription" }).click();
    const dialog = page.getByRole("dialog");
    await dialog.getByLabel("Name").fill(name);
    await dialog.getByLabel("Applies to").selectOption("named");
    await dialog.getByLabel("Settings of the channel (JSON)").fill("{");
    await dialog.getByRole("alert").first().waitFor();
    await dialog.getByLabel("Settings of the channel (JSON)").fill(JSON.stringify({ url }));
    await dialog.getByLabel("succeeded").check();
    await dialog.getByRole("button", { name: "Save" }).click();
    await page.getByRole("dialog", { name: `Key of ${name}` }).getByText(/^whsec_/).waitFor();
    await confirm(page, "I have stored it");
    await page.getByRole("heading", { name }).waitFor();
    await state(page).getByText("active").waitFor();
    assert.equal(await page.getByText("whsec_").count(), 0);
    await page.getByRole("button", { name: "Send a test" }).click();
    const log = page.getByRole("region", { name: "Delivery log" });
    await log.getByRole("row", { name: /subscription.test succeeded 1 attempt/ }).waitFor({ timeout: 60_000 });
    await log.getByRole("button", { name: "Send again" }).click();
    await until(() => received.length === 2);
    assert.deepEqual(received.map(({ type }) => type), ["subscription.test", "subscription.test"]);
    assert.equal(new Set(received.map(({ id }) => id)).size, 1);
    await submit({ type: "demo.greet", payload: { name: "n" }, notify: [name] });
    await log.getByRole("row", { name: /job.succeeded succeeded/ }).waitFor({ timeout: 60_000 });
    await log.getByLabel("State").selectOption("dead");
    await log.getByText("No delivery in this state.").waitFor();
    await log.getByLabel("State").selectOption("");
    await log.getByRole("link", { name: "job.succeeded" }).click();
    await page.getByRole("link", { name, exact: true }).click();
    await page.getByRole("button", { name: "New key" }).click();
    await dialog.getByRole("button", { name: "Make a new key" }).click();
    await page.getByRole("dialog", { name: `Key of ${name}` }).getByText(/^whsec_/).waitFor();
    await confirm(page, "I have stored it");
    await page.getByText("signs as well until").waitFor();
    await page.getByRole("button", { name: "Edit" }).click();
    await dialog.getByText("Nothing is changed yet.").waitFor();
    await dialog.getByLabel("expired").check();
    await dialog.getByRole("region", { name: "What will change" }).getByText('["succeeded","dead"] → ["succeeded","dead","expired"]').waitFor();
    await confirm(page, "Save");
    await page.getByRole("region", { name: "Settings" }).getByText("succeeded, dead, expired").waitFor();
    await page.getByRole("button", { name: "Delete" }).click();
    await confirm(page, "Delete");
    await page.getByRole("heading", { name: "Notifications" }).waitFor();
  });
});

test("a receiver that fails is seen, with its answer; one that is gone disables the subscription, and it is enabled again", async () => {
  const name = `dashboard-gone-${Date.now()}`;
  await call("PUT", `/subscriptions/${name}`, { channel: "webhook", config: { url }, events: ["dead"], applies: "named" });
  status = 410;
  await inPage(browser, `dashboard/notifications/${name}`, async (page) => {
    await page.getByRole("button", { name: "Send a test" }).click();
    await page.getByRole("region", { name: "Delivery log" }).getByRole("row", { name: /subscription.test dead/ }).waitFor({ timeout: 60_000 });
    await state(page).getByText("disabled").waitFor({ timeout: 60_000 });
    status = 200;
    await page.getByRole("button", { name: "Enable" }).click();
    await state(page).getByText("active").waitFor();
  });
  await call("DELETE", `/subscriptions/${name}`);
});

test("who may only read sees the log, and changes nothing", async () => {
  await call("PUT", "/subscriptions/dashboard-read", { channel: "webhook", config: { url }, events: ["dead"], applies: "named" });
  await inPage(browser, "dashboard/notifications", async (page) => {
    await page.getByRole("link", { name: "dashboard-read" }).click();
    await page.getByRole("region", { name: "Delivery log" }).getByText("Nothing was sent yet.").waitFor();
    assert.equal(await page.getByRole("button", { name: /^(Send a test|Edit|New key|Delete)$/ }).count(), 0);
  }, { token: READER });
});
