/** Bulk operations in words: what is done, to which jobs, and how far it is. Pure. */
import type { Operation } from "../../api/types.js";
import { count, things } from "../../format/numbers.js";

type Asked = Pick<Operation, "action" | "priority" | "queue" | "dueAt">;

/** What each action is called, as of one job. */
export const VERBS: Record<string, string> = {
  cancel: "Cancel",
  redrive: "Redrive",
  reprioritise: "Move to another queue",
  reschedule: "Reschedule",
  delete: "Erase",
  undo: "Undo a redrive",
};

/** Return what an operation does; of a newer API's action, its name. */
export function verbOf({ action, priority, queue }: Asked): string {
  const target = queue ?? priority;
  if (action === "reprioritise" && target) return `Move to ${target}`;
  return Object.hasOwn(VERBS, action) ? (VERBS[action] ?? action) : action;
}

const FIELDS: Record<string, string> = {
  createdAfter: "submitted from",
  createdBefore: "submitted before",
  finishedAfter: "ended from",
  finishedBefore: "ended before",
};

/** Return which jobs an operation was asked for, in words. */
export function selectionOf({ filter, idCount, undoes }: Pick<Operation, "filter" | "idCount" | "undoes">): string {
  if (undoes) return "the jobs of that redrive that have not begun";
  if (typeof idCount === "number") return `${things(idCount, "job")}, chosen one by one`;
  const parts = Object.entries(filter ?? {}).flatMap(([name, value]) => said(name, value));
  return parts.length ? parts.join(", ") : "all jobs that it applies to";
}

function said(name: string, value: unknown): string[] {
  if (value === null || value === undefined) return [];
  if (name === "tags" && typeof value === "object") return Object.entries(value).map(([tag, text]) => `tag ${tag}:${String(text)}`);
  const label = Object.hasOwn(FIELDS, name) ? FIELDS[name] : name;
  return [`${label} ${String(value)}`];
}

/** Return how far an operation is. */
export function progressOf({ counts, state }: Pick<Operation, "counts" | "state">): string {
  const { changed, unchanged, failed } = counts;
  const parts = [`${count(changed)} changed`];
  if (unchanged) parts.push(`${count(unchanged)} were so already`);
  if (failed) parts.push(`${count(failed)} could not be changed`);
  return `${parts.join(", ")}${state === "running" ? ", so far" : ""}`;
}

/** Return how many jobs an operation has come to. */
export function comeTo({ counts }: Pick<Operation, "counts">): number {
  return counts.changed + counts.unchanged + counts.failed;
}

/** Return of how many jobs an operation is, where that is known before its end; null otherwise. */
export function expected(operation: Pick<Operation, "counts" | "limit" | "state">): number | null {
  const { counts, limit, state } = operation;
  return counts.total ?? (state === "running" ? limit : comeTo(operation));
}
