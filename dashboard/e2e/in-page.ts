/** Tests that drive a page: opened, watched, and closed behind them. */
import assert from "node:assert/strict";
import type { Browser, Locator, Page } from "playwright-core";
import { open, type View, type Watched } from "./browser.js";

/** Run a test in a page that is closed behind it, and insist that it did nothing that it must not. */
export async function inPage(browser: Browser, path: string, work: (page: Page, watched: Watched) => Promise<void>, view: View = {}): Promise<void> {
  const watched = await open(browser, path, view);
  await work(watched.page, watched);
  const { executed, violations, elsewhere, errors } = watched.faults;
  assert.deepEqual([executed, violations, elsewhere], [[], [], []]);
  assert.deepEqual(errors.filter((text) => !/status of 4\d\d/.test(text)), []);
  await watched.context.close();
}

/** The state at the head of a page. */
export function state(page: Page): Locator {
  return page.locator(".page-head .badge");
}

/** Press a button of the dialog that is open, and wait until it is closed. */
export async function confirm(page: Page, verb: string): Promise<void> {
  await page.getByRole("dialog").getByRole("button", { name: verb, exact: true }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
}
