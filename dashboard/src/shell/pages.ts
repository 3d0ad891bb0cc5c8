/** The pages: their names in the address and in the navigation, and what loads them when they are first asked for. */
import type { ComponentType } from "preact";
import type { IconName } from "../ui/icons.js";

/** What each page gets. */
export interface PageProps {
  /** The part of the path behind the page's name; null for none. */
  parameter: string | null;
}

export interface PageEntry {
  title: string;
  icon: IconName;
  /** Second key of its shortcut, after `g`. */
  key: string;
  load: () => Promise<{ default: ComponentType<PageProps> }>;
  /** The page of one thing, where the path has a parameter. */
  one?: () => Promise<{ default: ComponentType<PageProps> }>;
}

export const PAGES: Readonly<Record<string, PageEntry>> = {
  overview: { title: "Overview", icon: "overview", key: "o", load: () => import("../pages/overview/page.js") },
  jobs: {
    title: "Jobs",
    icon: "jobs",
    key: "j",
    load: () => import("../pages/jobs/page.js"),
    one: () => import("../pages/job/page.js"),
  },
  workflows: {
    title: "Workflows",
    icon: "workflows",
    key: "w",
    load: () => import("../pages/workflows/page.js"),
    one: () => import("../pages/workflows/one.js"),
  },
  "dead-letters": {
    title: "Dead letters",
    icon: "dead-letters",
    key: "d",
    load: () => import("../pages/dead-letters/page.js"),
  },
  schedules: {
    title: "Schedules",
    icon: "schedules",
    key: "s",
    load: () => import("../pages/schedules/page.js"),
    one: () => import("../pages/schedules/one.js"),
  },
  queues: { title: "Queues", icon: "queues", key: "q", load: () => import("../pages/queues/page.js") },
};
