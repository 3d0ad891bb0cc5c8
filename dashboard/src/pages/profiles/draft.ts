/** A profile while it is edited: what the form knows of it, what is wrong with it, and what is sent. Pure. */
import type { components } from "../../api/schema.js";
import type { Profile } from "../../api/types.js";
import { count } from "../../format/numbers.js";

export type ProfileBody = components["schemas"]["ProfileBody"];

/** A number of the form, with the bounds that the API has (a test compares them with its document). */
export interface NumberField {
  label: string;
  least: number;
  most: number;
  whole: boolean;
}

export const NUMBERS = {
  maxAttempts: { label: "Attempts", least: 1, most: 50, whole: true },
  timeoutSeconds: { label: "Timeout (s)", least: 1, most: 43_200, whole: true },
  leaseSeconds: { label: "Lease (s)", least: 2, most: 3600, whole: true },
  retentionSeconds: { label: "Kept after the end (s)", least: 60, most: 2_592_000, whole: true },
  expiresSeconds: { label: "Expires after (s)", least: 1, most: 31_622_400, whole: false },
  "backoff.baseSeconds": { label: "First retry after (s)", least: 0.001, most: 86_400, whole: false },
  "backoff.factor": { label: "Each wait longer by ×", least: 1, most: 100, whole: false },
  "backoff.capSeconds": { label: "Longest wait (s)", least: 0.001, most: 86_400, whole: false },
  "limits.concurrency": { label: "Jobs at once", least: 1, most: 100, whole: true },
  "limits.ratePerSecond": { label: "Starts a second", least: 0.001, most: 500, whole: false },
} as const satisfies Record<string, NumberField>;

export type NumberName = keyof typeof NUMBERS;

export interface Draft {
  name: string;
  /** As typed; empty: the task, or the default, decides. */
  numbers: Record<NumberName, string>;
  jitter: string;
  queue: string;
  limitKey: string;
  /** Names with commas or spaces between them. */
  neverRetry: string;
  notify: string;
  follow: boolean;
}

export const JITTERS = ["full", "none"] as const;

const NAME = /^[A-Za-z0-9._-]+$/;
const LISTED = 10;
const NAMES = Object.keys(NUMBERS) as NumberName[];

/** Return the draft of a profile, or of a new one. */
export function draftOf(profile: Profile | null): Draft {
  const body = profile ? settingsOf(profile) : null;
  return {
    name: profile?.name ?? "",
    numbers: Object.fromEntries(NAMES.map((name) => [name, textOf(valueAt(body, name))])) as Draft["numbers"],
    jitter: profile?.backoff.jitter ?? "",
    queue: body?.queue ?? "",
    limitKey: profile?.limits?.key ?? "",
    neverRetry: (profile?.neverRetry ?? []).join(", "),
    notify: (profile?.notify ?? []).join(", "),
    follow: profile?.follow ?? false,
  };
}

/** Return what a profile sets, in the form of a body: nothing that is left to the task or the defaults. */
export function settingsOf(profile: Profile): ProfileBody {
  const { backoff, limits, neverRetry, notify, follow } = profile;
  const queue = profile.queue ?? profile.priority;
  return compact({
    maxAttempts: profile.maxAttempts,
    timeoutSeconds: profile.timeoutSeconds,
    leaseSeconds: profile.leaseSeconds,
    retentionSeconds: profile.retentionSeconds,
    expiresSeconds: profile.expiresSeconds,
    backoff: compact({ ...backoff }),
    limits: limits ? compact({ ...limits }) : null,
    queue,
    neverRetry: neverRetry?.length ? neverRetry : null,
    notify: notify.length ? notify : null,
    follow: follow || null,
  }) as ProfileBody;
}

/** Return the body that is put: it replaces the version before as a whole. */
export function bodyOf(draft: Draft): ProfileBody {
  const number = (name: NumberName): number | null => (draft.numbers[name].trim() ? Number(draft.numbers[name]) : null);
  return compact({
    maxAttempts: number("maxAttempts"),
    timeoutSeconds: number("timeoutSeconds"),
    leaseSeconds: number("leaseSeconds"),
    retentionSeconds: number("retentionSeconds"),
    expiresSeconds: number("expiresSeconds"),
    backoff: compact({
      baseSeconds: number("backoff.baseSeconds"),
      factor: number("backoff.factor"),
      capSeconds: number("backoff.capSeconds"),
      jitter: draft.jitter || null,
    }),
    limits: compact({
      key: draft.limitKey.trim() || null,
      concurrency: number("limits.concurrency"),
      ratePerSecond: number("limits.ratePerSecond"),
    }),
    queue: draft.queue || null,
    neverRetry: listOf(draft.neverRetry),
    notify: listOf(draft.notify),
    follow: draft.follow || null,
  }) as ProfileBody;
}

/** Return what is wrong, by field; empty if the API is likely to accept it. */
export function problemsOf(draft: Draft): Partial<Record<NumberName | "name" | "limitKey" | "neverRetry" | "notify", string>> {
  const problems: Record<string, string> = {};
  for (const name of NAMES) {
    const problem = wrongNumber(draft.numbers[name].trim(), NUMBERS[name]);
    if (problem) problems[name] = problem;
  }
  if (draft.name && !NAME.test(draft.name)) problems["name"] = "Letters, digits, dots, underscores and hyphens.";
  if (draft.limitKey.trim() && !NAME.test(draft.limitKey.trim())) problems["limitKey"] = "Letters, digits, dots, underscores and hyphens.";
  for (const field of ["neverRetry", "notify"] as const) {
    const names = listOf(draft[field]) ?? [];
    const wrong = names.find((name) => !NAME.test(name));
    if (wrong !== undefined) problems[field] = `${wrong} is no name.`;
    else if (names.length > LISTED) problems[field] = `At most ${LISTED}.`;
  }
  return problems;
}

function wrongNumber(text: string, { least, most, whole }: NumberField): string | null {
  if (!text) return null;
  const value = Number(text);
  if (Number.isNaN(value)) return "A number.";
  if (whole && !Number.isInteger(value)) return "A whole number.";
  return value < least || value > most ? `From ${least} to ${count(most)}.` : null;
}

/** The value at a name with dots. */
function valueAt(body: ProfileBody | null, name: NumberName): unknown {
  return name.split(".").reduce<unknown>((value, part) => (value as Record<string, unknown> | null | undefined)?.[part], body);
}

function textOf(value: unknown): string {
  return typeof value === "number" ? String(value) : "";
}

function listOf(text: string): string[] | null {
  const names = text.split(/[\s,]+/).filter(Boolean);
  return names.length ? names : null;
}

/** Leave out what is null, and objects of which nothing is left. */
function compact(value: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== null && each !== undefined && !isEmpty(each)));
}

function isEmpty(value: unknown): boolean {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !Object.keys(value).length;
}
