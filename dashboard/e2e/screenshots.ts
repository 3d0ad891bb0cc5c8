/** Screenshots of the main pages, at the width of a desk and of a phone, in both themes: to be looked at. */
import { mkdir } from "node:fs/promises";
import { open, settled, start } from "./browser.js";
import { call, type Job } from "./stack.js";

const folder = process.env["SCREENSHOTS"] ?? "screenshots";
const only = process.argv[2];

async function main(): Promise<void> {
  await mkdir(folder, { recursive: true });
  const { items } = await call<{ items: (Job & { type: string })[] }>("GET", "/jobs?limit=200");
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
    none: "dashboard/jobs?type=none.at.all",
  };
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
}

await main();
