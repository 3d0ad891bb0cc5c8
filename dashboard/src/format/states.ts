/** The states of jobs as they are shown: a tone for each, in the order in which a job passes them. */

/** A colour of the design system. */
export type Tone = "plain" | "good" | "bad" | "warn" | "busy" | "calm";

export const STATES = [
  "scheduled",
  "queued",
  "waiting",
  "running",
  "succeeded",
  "dead",
  "cancelled",
  "expired",
] as const;

export const PRIORITIES = ["critical", "high", "normal", "low"] as const;

export type Priority = (typeof PRIORITIES)[number];

/** Return a priority by its name; `normal` for what is none, as a delivery's. */
export function priorityOf(name: string): Priority {
  return PRIORITIES.find((each) => each === name) ?? "normal";
}

const TONES: Record<string, Tone> = {
  scheduled: "calm",
  queued: "warn",
  waiting: "calm",
  running: "busy",
  succeeded: "good",
  dead: "bad",
  failed: "bad",
  cancelled: "plain",
  expired: "plain",
  active: "good",
  paused: "warn",
  draining: "warn",
  finished: "good",
  enabled: "good",
  disabled: "bad",
  ended: "plain",
  ran: "good",
  caught_up: "good",
  triggered: "busy",
  skipped: "plain",
  missed: "bad",
};

/** Return the tone of a state. */
export function toneOf(state: string): Tone {
  return Object.hasOwn(TONES, state) ? (TONES[state] as Tone) : "plain";
}

const ENDED = new Set(["succeeded", "dead", "cancelled", "expired"]);

/** Return whether a job in this state has ended. */
export function hasEnded(state: string): boolean {
  return ENDED.has(state);
}
