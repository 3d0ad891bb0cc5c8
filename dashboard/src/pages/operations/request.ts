/** A bulk operation before it begins: from what is on the page to what the API is asked. Pure. */
import type { components } from "../../api/schema.js";
import { NAMES } from "../jobs/filter.js";

type Body = components["schemas"]["OperationBody"];
type FilterBody = components["schemas"]["JobFilterBody"];

export const ACTIONS = ["cancel", "redrive", "run-now", "reschedule", "move", "erase"] as const;

/** What a reader chooses: `run-now` is a reschedule, too. */
export type BulkAction = (typeof ACTIONS)[number];

/** Which jobs: those that were selected, or all that match the filters of the address. */
export type Selection = { ids: readonly string[] } | { query: URLSearchParams };

/** What is entered beside the action. */
export interface Details {
  /** Name of a queue, of `move`. */
  queue: string;
  /** ms since 1970, of `reschedule`. */
  dueAt: number | null;
  /** Jobs a second; empty for as fast as possible. */
  rate: string;
}

/**
 * Return the body of `POST /operations`.
 *
 * @param dryRun whether the jobs are only counted
 */
export function requestOf(action: BulkAction, selection: Selection, details: Details, dryRun: boolean): Body {
  const rate = Number(details.rate);
  return {
    ...what(action, details),
    ...which(selection),
    ...(rate > 0 ? { ratePerSecond: rate } : {}),
    dryRun,
  } as Body;
}

function what(action: BulkAction, { queue, dueAt }: Details): Partial<Body> {
  switch (action) {
    case "run-now":
      return { action: "reschedule", delaySeconds: 0 };
    case "reschedule":
      return { action, ...(dueAt === null ? { delaySeconds: 0 } : { dueAt: new Date(dueAt).toISOString() }) };
    case "move":
      return { action: "reprioritise", queue };
    case "erase":
      return { action: "delete" };
    case "cancel":
    case "redrive":
      return { action };
  }
}

function which(selection: Selection): Partial<Body> {
  if ("ids" in selection) return { ids: [...selection.ids] };
  const filter = filterBodyOf(selection.query);
  return Object.keys(filter).length ? { filter } : { all: true };
}

/** Return the filter of the address as an operation takes it. */
export function filterBodyOf(query: URLSearchParams): FilterBody {
  const filter: Record<string, unknown> = {};
  for (const name of NAMES) {
    const value = query.get(name);
    if (name !== "tag" && value) filter[name] = value;
  }
  const tags = query.getAll("tag").filter(Boolean).map(pair);
  if (tags.length) filter["tags"] = Object.fromEntries(tags);
  return filter as FilterBody;
}

/** Return whether an operation can select what the list shows: not two values of the same tag. */
export function isSelectable(query: URLSearchParams): boolean {
  const tags = query.getAll("tag").filter(Boolean).map(pair);
  return new Map(tags).size === new Set(tags.map(([name, value]) => `${name}:${value}`)).size;
}

/** A tag's name ends at the first colon. */
function pair(tag: string): [string, string] {
  const at = tag.indexOf(":");
  return at < 0 ? [tag, ""] : [tag.slice(0, at), tag.slice(at + 1)];
}

/** Whether an action can do anything for a job in a state. */
export const FITS: Record<BulkAction, ReadonlySet<string>> = {
  cancel: new Set(["scheduled", "queued", "waiting", "running"]),
  redrive: new Set(["dead", "cancelled", "expired"]),
  "run-now": new Set(["scheduled"]),
  reschedule: new Set(["scheduled", "queued"]),
  move: new Set(["scheduled", "queued"]),
  erase: new Set(["succeeded", "dead", "cancelled", "expired"]),
};
