/** A schedule while it is edited: what the form knows of it, what is sent, and what that changes. Pure. */
import type { components } from "../../api/schema.js";
import type { Schedule } from "../../api/types.js";

export type ScheduleBody = components["schemas"]["ScheduleBody"];
export type Kind = "cron" | "every" | "at";

export interface Draft {
  name: string;
  kind: Kind;
  /** A cron expression a line, an interval, or a time. */
  when: string;
  timezone: string;
  overlap: string;
  misfire: string;
  /** JSON: the job, or the workflow, that each fire runs. */
  runs: string;
}

export const OVERLAPS = ["allow", "skip", "buffer_one", "cancel_running"] as const;
export const MISFIRES = ["skip", "fire_once", "catch_up"] as const;

/** Return the draft of a schedule, or of a new one. */
export function draftOf(schedule: Schedule | null): Draft {
  if (!schedule) {
    return {
      name: "",
      kind: "cron",
      when: "0 3 * * *",
      timezone: "UTC",
      overlap: "allow",
      misfire: "fire_once",
      runs: JSON.stringify({ type: "", payload: {} }, null, 2),
    };
  }
  const kind: Kind = schedule.every ? "every" : schedule.at ? "at" : "cron";
  return {
    name: schedule.name,
    kind,
    when: schedule.every ?? schedule.at ?? (schedule.crons ?? [schedule.cron ?? ""]).join("\n"),
    timezone: schedule.timezone,
    overlap: schedule.overlap,
    misfire: schedule.misfire.policy,
    runs: JSON.stringify(schedule.job ?? schedule.workflow, null, 2),
  };
}

/** Return the part that says when it fires. */
export function recurrenceOf(draft: Draft): Pick<ScheduleBody, "cron" | "crons" | "every" | "at" | "timezone"> {
  const lines = draft.when.split("\n").map((line) => line.trim()).filter(Boolean);
  const none = { cron: null, crons: null, every: null, at: null, timezone: draft.timezone.trim() };
  if (draft.kind !== "cron") return { ...none, [draft.kind]: lines.join(" ") };
  return lines.length > 1 ? { ...none, crons: lines } : { ...none, cron: lines[0] ?? "" };
}

/** Fields that say when it fires, and that the form does not know; those of cron expressions mean nothing without one. */
const KEPT = ["start", "end", "exclude", "jitterSeconds", "jitterPer"] as const;
const KEPT_OF_CRON = ["everyWeeks", "anchor", "fold", "gap"] as const;

/** Return what is previewed: as it would be saved, without what it runs. */
export function previewOf(draft: Draft, before: Schedule | null): Record<string, unknown> {
  const names: readonly (keyof Schedule)[] = draft.kind === "cron" ? [...KEPT, ...KEPT_OF_CRON] : KEPT;
  const kept = Object.fromEntries(names.filter((name) => before?.[name] != null).map((name) => [name, before?.[name]]));
  return { ...kept, ...recurrenceOf(draft), ...(draft.name ? { name: draft.name } : {}) };
}

/** Return the body that is put; what the form does not know stays as it was. Throws a SyntaxError. */
export function bodyOf(draft: Draft, before: Schedule | null): ScheduleBody {
  const runs = JSON.parse(draft.runs) as never;
  const kept = before as ScheduleBody | null;
  return {
    ...kept,
    ...recurrenceOf(draft),
    ...(draft.kind === "cron" ? {} : Object.fromEntries(KEPT_OF_CRON.map((name) => [name, null]))),
    overlap: OVERLAPS.find((each) => each === draft.overlap) ?? "allow",
    misfire: { ...kept?.misfire, policy: MISFIRES.find((each) => each === draft.misfire) ?? "fire_once" },
    ...(before?.workflow ? { workflow: runs } : { job: runs }),
  } as ScheduleBody;
}
