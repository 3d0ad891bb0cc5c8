/** A browser that is watched: what runs that must not, what is refused, and where requests go. */
import { chromium, type Browser, type BrowserContext, type Page } from "playwright-core";
import { STORED, TOKEN, URL_OF_API } from "./stack.js";

/** What a page did that it must not do. */
export interface Faults {
  /** Scripts of stored texts that ran. */
  executed: string[];
  /** Violations of the content security policy. */
  violations: string[];
  /** Errors in the console, and exceptions. */
  errors: string[];
  /** Requests to another origin. */
  elsewhere: string[];
}

export interface Watched {
  page: Page;
  context: BrowserContext;
  faults: Faults;
  /** Reads of the API since the start, each with what it was answered. */
  answers: { url: string; status: number }[];
  /** Requests that are under way. */
  underWay: () => number;
}

/** Start Debian's Chromium; nothing is downloaded. */
export function start(): Promise<Browser> {
  return chromium.launch({
    executablePath: process.env["CHROMIUM"] ?? "/usr/bin/chromium",
    // In a container the sandbox needs privileges that tests do not have.
    args: ["--no-sandbox", "--disable-dev-shm-usage"],
  });
}

export interface View {
  width?: number;
  height?: number;
  theme?: "light" | "dark";
  token?: string | null;
  /** For tools that are put into the page, as axe is. */
  bypassCSP?: boolean;
  /** Let the test say how time goes on. */
  clock?: boolean;
}

/** Open a page, signed in unless `token` is null. */
export async function open(browser: Browser, path: string, view: View = {}): Promise<Watched> {
  const { width = 1280, height = 900, theme = "light", token = TOKEN, bypassCSP = false, clock = false } = view;
  const context = await browser.newContext({
    viewport: { width, height },
    colorScheme: theme,
    reducedMotion: "reduce",
    timezoneId: "Europe/Berlin",
    locale: "en-GB",
    bypassCSP,
  });
  const page = await context.newPage();
  if (clock) await page.clock.install();
  const faults: Faults = { executed: [], violations: [], errors: [], elsewhere: [] };
  const answers: Watched["answers"] = [];
  await context.exposeFunction("whendueViolation", (text: string) => faults.violations.push(text));
  await context.addInitScript(`
    addEventListener("securitypolicyviolation", (event) =>
      whendueViolation(event.violatedDirective + " " + event.blockedURI + " " + event.sample));
    ${token === null ? "" : `if (!sessionStorage.getItem(${JSON.stringify(STORED)})) sessionStorage.setItem(${JSON.stringify(STORED)}, ${JSON.stringify(token)});`}
  `);
  page.on("dialog", (dialog) => {
    faults.executed.push(dialog.message());
    void dialog.dismiss();
  });
  page.on("pageerror", (error) => faults.errors.push(String(error)));
  page.on("console", (message) => {
    if (message.type() === "error") faults.errors.push(message.text());
  });
  const origin = new URL(URL_OF_API).origin;
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(origin) && !url.startsWith("blob:")) faults.elsewhere.push(url);
  });
  let underWay = 0;
  page.on("request", () => (underWay += 1));
  page.on("requestfinished", () => (underWay -= 1));
  page.on("requestfailed", () => (underWay -= 1));
  page.on("response", (response) => {
    if (response.request().resourceType() === "fetch") answers.push({ url: response.url(), status: response.status() });
  });
  await page.goto(`${URL_OF_API}/${path}`);
  return { page, context, faults, answers, underWay: () => underWay };
}

/** Go on to another page, and wait until it has read what it shows. */
export async function visit(watched: Watched, path: string): Promise<void> {
  await watched.page.goto(`${URL_OF_API}/${path}`);
  await settled(watched);
}

/** Wait until a page has read what it shows. */
export async function settled({ page }: Watched): Promise<void> {
  await page.locator("h1").first().waitFor();
  await page.locator(".bones").first().waitFor({ state: "detached" });
}
