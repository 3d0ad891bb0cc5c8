/** A subscription while it is edited, and what is sent. Pure. */
import type { components } from "../../api/schema.js";
import type { Subscription } from "../../api/types.js";

export type SubscriptionBody = components["schemas"]["SubscriptionBody"];

export const EVENTS = ["succeeded", "dead", "cancelled", "expired", "attempt_failed", "schedule_missed", "queue_paused"] as const;
export const CHANNELS = ["webhook", "email", "sns"] as const;

/** What the settings of a channel begin as. */
const CONFIGS: Record<string, unknown> = {
  webhook: { url: "https://" },
  email: { to: [] },
  sns: { topicArn: "" },
};

export interface Draft {
  name: string;
  channel: string;
  /** JSON: the settings of the channel. */
  config: string;
  events: readonly string[];
  applies: string;
  /** Names with commas or spaces between them; empty for all. */
  types: string;
  priorities: string;
  schedules: string;
}

/** Return the draft of a subscription, or of a new one. */
export function draftOf(subscription: Subscription | null): Draft {
  const list = (names: readonly string[] | undefined) => (names ?? []).join(", ");
  return {
    name: subscription?.name ?? "",
    channel: subscription?.channel ?? "webhook",
    config: JSON.stringify(subscription?.config ?? CONFIGS["webhook"], null, 2),
    events: subscription?.events ?? ["dead"],
    applies: subscription?.applies ?? "all",
    types: list(subscription?.filter.types),
    priorities: list(subscription?.filter.priorities),
    schedules: list(subscription?.filter.schedules),
  };
}

/** Return the draft for another channel, with settings as that one has them, unless others were typed. */
export function withChannel(draft: Draft, channel: string): Draft {
  const isUntouched = draft.config === JSON.stringify(CONFIGS[draft.channel], null, 2);
  const known = Object.hasOwn(CONFIGS, channel) ? CONFIGS[channel] : {};
  return { ...draft, channel, config: isUntouched ? JSON.stringify(known, null, 2) : draft.config };
}

/** Return the body that is put: it replaces the subscription as a whole. Throws a SyntaxError. */
export function bodyOf(draft: Draft): SubscriptionBody {
  return {
    channel: draft.channel.trim(),
    config: JSON.parse(draft.config) as Record<string, never>,
    // In the order of the document, whichever was ticked first.
    events: EVENTS.filter((event) => draft.events.includes(event)),
    applies: draft.applies === "named" ? "named" : "all",
    filter: { types: listOf(draft.types), priorities: listOf(draft.priorities) as never[], schedules: listOf(draft.schedules) },
  };
}

/** Return what a subscription says, in the form of a body. */
export function settingsOf({ channel, config, events, applies, filter }: Subscription): object {
  return { channel, config, events: EVENTS.filter((event) => events.includes(event)), applies, filter };
}

function listOf(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

/** Return which jobs a subscription is about, in words. */
export function aboutOf({ applies, filter }: Pick<Subscription, "applies" | "filter">): string {
  const parts = [
    filter.types.length ? `of type ${filter.types.join(" or ")}` : null,
    filter.priorities.length ? `in ${filter.priorities.join(" or ")}` : null,
    filter.schedules.length ? `of schedule ${filter.schedules.join(" or ")}` : null,
  ].filter(Boolean);
  return `${applies === "named" ? "jobs that name it" : "all jobs"}${parts.length ? ` ${parts.join(", ")}` : ""}`;
}

/** Return the one setting of a channel that says where a notification goes; empty if that is not known. */
export function targetOf({ config }: Pick<Subscription, "config">): string {
  const said = ["url", "to", "topicArn", "topic"].map((name) => (config as Record<string, unknown>)[name]).find((value) => value !== undefined);
  return Array.isArray(said) ? said.join(", ") : typeof said === "string" ? said : "";
}
