/** The pages: their names in the address and in the navigation, and what loads them when they are first asked for. */
import type { ComponentType } from "preact";
import { may } from "../session/session.js";
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
  /** The token must have it for the page to be offered; left out: every token may. */
  scope?: string;
  /** On a phone it is below "More". */
  minor?: boolean;
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
  queues: { title: "Queues", icon: "queues", key: "q", minor: true, load: () => import("../pages/queues/page.js") },
  operations: {
    title: "Operations",
    icon: "operations",
    key: "b",
    minor: true,
    load: () => import("../pages/operations/page.js"),
    one: () => import("../pages/operations/one.js"),
  },
  profiles: {
    title: "Profiles",
    icon: "profiles",
    key: "p",
    minor: true,
    load: () => import("../pages/profiles/page.js"),
    one: () => import("../pages/profiles/one.js"),
  },
  notifications: {
    title: "Notifications",
    icon: "notifications",
    key: "n",
    minor: true,
    load: () => import("../pages/notifications/page.js"),
    one: () => import("../pages/notifications/one.js"),
  },
  tenants: { title: "Tenants", icon: "tenants", key: "t", scope: "operator", minor: true, load: () => import("../pages/tenants/page.js") },
};

/** Return the pages that the token may see, with their names in the address. */
export function offeredPages(): [string, PageEntry][] {
  return Object.entries(PAGES).filter(([, { scope }]) => scope === undefined || may(scope));
}
