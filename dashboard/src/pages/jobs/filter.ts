/** The filter of the job list as it stands in the address. Pure. */
import type { JobFilter } from "../../api/types.js";

/** Names in the address, in the order of the API's parameters. */
export const NAMES = ["state", "type", "queue", "tag", "fingerprint", "schedule", "workflow", "createdAfter", "createdBefore", "finishedAfter", "finishedBefore"] as const;

export type FilterName = (typeof NAMES)[number];

export const PAGE_SIZES = ["25", "50", "100", "200"] as const;
const PAGE_DEFAULT = 50;

/** Return the query of `GET /jobs` for an address; a value that no number can be is left out. */
export function filterOf(query: URLSearchParams): JobFilter {
  const filter: JobFilter = { limit: sizeOf(query) };
  const tags = query.getAll("tag").filter(Boolean);
  if (tags.length) filter.tag = tags;
  if (isOldestFirst(query)) filter.order = "oldest";
  const cursor = query.get("cursor");
  if (cursor) filter.cursor = cursor;
  for (const name of NAMES) {
    const value = query.get(name);
    if (name !== "tag" && value) filter[name] = value;
  }
  return filter;
}

/** Return whether the address asks for the oldest jobs first. */
export function isOldestFirst(query: URLSearchParams): boolean {
  return query.get("order") === "oldest";
}

function sizeOf(query: URLSearchParams): number {
  const said = query.get("limit") ?? "";
  return (PAGE_SIZES as readonly string[]).includes(said) ? Number(said) : PAGE_DEFAULT;
}

/** Return the filters that are set, each with its value, in words. */
export function chips(query: URLSearchParams): { name: FilterName; value: string }[] {
  return NAMES.flatMap((name) => query.getAll(name).filter(Boolean).map((value) => ({ name, value })));
}

/** Return the values of a name without one of them; null for none. */
export function without(query: URLSearchParams, name: FilterName, value: string): string[] | null {
  const left = query.getAll(name).filter((each) => each !== value);
  return left.length ? left : null;
}
