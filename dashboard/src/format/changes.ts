/** What an edit changes, field by field, in words. Pure. */

export interface Change {
  name: string;
  before: string;
  after: string;
}

/** Return which fields of `next` differ from `before`, each as short JSON; null for a thing that is new. */
export function changes(before: object | null, next: object): Change[] {
  const old = (before ?? {}) as Record<string, unknown>;
  return Object.entries(next)
    .filter(([name, value]) => text(old[name]) !== text(value))
    .map(([name, value]) => ({ name, before: text(old[name]), after: text(value) }));
}

function text(value: unknown): string {
  return value === undefined || value === null ? "–" : JSON.stringify(sorted(value));
}

/** The same fields in another order are the same. */
function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).sort(([one], [other]) => (one < other ? -1 : 1)).map(([name, each]) => [name, sorted(each)]));
}
