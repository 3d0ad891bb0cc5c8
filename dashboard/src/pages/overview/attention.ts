/** What needs attention first, the worst at the top. Pure. */
import type { DeadLetters, OperationList, PauseList, QueueList, ScheduleList, SubscriptionList } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import type { Tone } from "../../format/states.js";
import { pathOf } from "../../routing/paths.js";
import { progressOf, selectionOf, verbOf } from "../operations/words.js";

export interface Attention {
  word: string;
  tone: Tone;
  text: string;
  /** Further words; empty for none. */
  more: string;
  /** Where one does something about it. */
  to: string;
}

interface Read {
  queues: QueueList | null;
  pauses: PauseList | null;
  dead: DeadLetters | null;
  schedules: ScheduleList | null;
  subscriptions: SubscriptionList | null;
  operations: OperationList | null;
}

const DEAD_SHOWN = 5;

/** Return what needs attention, of what was read. */
export function attention({ queues, pauses, dead, schedules, subscriptions, operations }: Read): Attention[] {
  const failing = (schedules?.items ?? []).filter(({ lastError }) => lastError);
  const stopped = (schedules?.items ?? []).filter(({ paused }) => paused && !paused.by);
  return [
    ...(dead?.items ?? []).slice(0, DEAD_SHOWN).map(({ fingerprint, error, count, types }) => ({
      word: "dead",
      tone: "bad" as const,
      text: `${things(count, "job")} died of ${error.type}`,
      more: types.join(", "),
      to: pathOf("dead-letters", null, new URLSearchParams({ group: fingerprint })),
    })),
    ...failing.map(({ name, lastError }) => ({
      word: "failing",
      tone: "bad" as const,
      text: `The schedule ${name} creates no jobs`,
      more: lastError ?? "",
      to: pathOf("schedules", name),
    })),
    ...(subscriptions?.items ?? [])
      .filter(({ active, failingSince }) => !active || failingSince)
      .map(({ name, active, disabledReason }) => ({
        word: active ? "failing" : "disabled",
        tone: "bad" as const,
        text: active ? `Notifications of ${name} do not arrive` : `Notifications of ${name} are not sent any more`,
        more: disabledReason ?? "",
        to: pathOf("notifications", name),
      })),
    ...stopped.map(({ name }) => ({
      word: "paused",
      tone: "warn" as const,
      text: `The schedule ${name} was paused after too many failures`,
      more: "",
      to: pathOf("schedules", name),
    })),
    ...(queues?.items ?? []).flatMap(({ name, paused }) =>
      paused ? [{ word: "paused", tone: "warn" as const, text: `The queue ${name} is paused`, more: paused.reason ?? "", to: pathOf("queues") }] : [],
    ),
    ...(queues?.items ?? [])
      .filter(({ draining }) => draining)
      .map(({ name }) => ({ word: "draining", tone: "warn" as const, text: `The queue ${name} is to be removed`, more: "", to: pathOf("queues") })),
    ...(pauses?.items ?? []).map(({ type, reason }) => ({
      word: "paused",
      tone: "warn" as const,
      text: type === null ? "All jobs of the tenant are paused" : `Jobs of the type ${type} are paused`,
      more: reason ?? "",
      to: pathOf("queues"),
    })),
    ...(operations?.items ?? [])
      .filter(({ state }) => state === "running")
      .map((operation) => ({
        word: "running",
        tone: "busy" as const,
        text: `${verbOf(operation)}: ${selectionOf(operation)}`,
        more: progressOf(operation),
        to: pathOf("operations", operation.id),
      })),
  ];
}
