/**
 * The answer to "why has this job not run yet, when will it, and what can I do?" in words. Pure.
 *
 * The API's explain answer has reasons with codes and facts; here they become one sentence, one predicted time and
 * advice. A prediction is only made where a fact names a time: what depends on others is said to.
 */
import { things } from "../../format/numbers.js";
import { duration, instant } from "../../format/times.js";
import type { Cause, Explanation, JobDetails, Reason } from "../../api/types.js";

/** When the next attempt starts, as far as that is known. */
export type Start =
  /** Not before this time; and at it, unless the queue is full. */
  | { kind: "at"; at: number }
  /** As soon as a worker takes it. */
  | { kind: "soon" }
  /** When something else happens, of which nobody knows the time. */
  | { kind: "after"; what: string }
  /** It runs. */
  | { kind: "running"; since: number | null }
  /** It has ended: no attempt follows by itself. */
  | { kind: "over" };

/** What is asked of the reader, if anything. */
export type Advice = "run-now" | "redrive" | "resume" | "look-upstream" | "clone" | "move" | "check-timer" | "check-workers";

export interface Headline {
  sentence: string;
  start: Start;
  advice: readonly Advice[];
}

type Facts = Record<string, unknown>;
type Rule = (facts: Facts, reason: Reason) => Headline;

const OVER: Start = { kind: "over" };
const SOON: Start = { kind: "soon" };

function at(value: unknown, otherwise: Start): Start {
  const ms = instant(value);
  return ms === null ? otherwise : { kind: "at", at: ms };
}

function text(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : "";
}

function number(value: unknown): number {
  return typeof value === "number" ? value : 0;
}

function list(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

const said: Rule = (_, reason) => ({ sentence: reason.text, start: OVER, advice: [] });

const RULES: Record<Cause, Rule> = {
  paused: ({ by, reason, queue, pausedUntil }) => ({
    sentence: queue
      ? `The queue ${text(queue)} is paused.`
      : `It is paused by ${text(by)}${reason ? `: ${text(reason)}` : "."}`,
    start: at(pausedUntil, { kind: "after", what: "the pause ends" }),
    advice: ["resume"],
  }),
  queue_removed: (_, reason) => ({
    sentence: reason.text,
    start: { kind: "after", what: "the queue is back" },
    advice: ["move"],
  }),
  timer_silent: () => ({
    sentence: "The timer is not running, so nothing sends this job to its queue.",
    start: { kind: "after", what: "the timer runs again" },
    advice: ["check-timer"],
  }),
  not_due: ({ dueAt }) => ({ sentence: "It is not due yet.", start: at(dueAt, SOON), advice: ["run-now"] }),
  not_promoted: ({ promotedAt }) => ({
    sentence: "Its message is sent to the queue shortly before it is due.",
    start: at(promotedAt, SOON),
    advice: ["run-now"],
  }),
  retry_backoff: ({ attempt, errorType, nextAttemptAt }) => ({
    sentence: `Attempt ${text(attempt)} failed with ${text(errorType)}; the next one waits for its backoff.`,
    start: at(nextAttemptAt, SOON),
    advice: ["run-now"],
  }),
  limited: ({ key, concurrency, ratePerSecond, nextCheckAt }) => ({
    sentence:
      concurrency === undefined
        ? `Jobs with the key ${text(key)} start at most ${text(ratePerSecond)} times a second; it waits for its turn.`
        : `${things(number(concurrency), "job")} with the key ${text(key)} may run at once, and that many do.`,
    start:
      concurrency === undefined
        ? at(nextCheckAt, { kind: "after", what: "a worker has received it" })
        : { kind: "after", what: "one of them ends" },
    advice: [],
  }),
  overlaps: ({ schedule }) => ({
    sentence: `An earlier job of the schedule ${text(schedule)} has not ended. This one is skipped if that stays so.`,
    start: { kind: "after", what: "the earlier job ends" },
    advice: [],
  }),
  waiting_for_dependencies: ({ left }) => ({
    sentence: `It waits for ${things(number(left), "job")} to end.`,
    start: { kind: "after", what: number(left) === 1 ? "that job ends" : "all of them end" },
    advice: ["look-upstream"],
  }),
  held: ({ jobs }) => ({
    sentence: `It is held: ${list(jobs).length === 1 ? "a job that it depends on" : "jobs that it depends on"} did not succeed.`,
    start: { kind: "after", what: "that is run again and succeeds" },
    advice: ["look-upstream"],
  }),
  waiting_for_members: ({ left, members }) => ({
    sentence: `It waits for ${number(left)} of the ${things(number(members), "job")} that it has created.`,
    start: { kind: "after", what: "the last of them ends" },
    advice: [],
  }),
  backlog: ({ queue }) => ({
    sentence: `The queue ${text(queue)} has a backlog; jobs before it wait as well.`,
    start: { kind: "after", what: "the jobs before it have started" },
    advice: ["check-workers"],
  }),
  overdue: () => ({
    sentence: "It is overdue: its message is late, was lost, or was dropped during a pause. The timer sends it again.",
    start: { kind: "after", what: "the timer has sent it again, within three minutes" },
    advice: ["run-now"],
  }),
  rescued: ({ rescues, nextCheckAt }) => ({
    sentence: `Its message was sent again ${number(rescues) === 1 ? "once" : `${number(rescues)} times`}; a worker should take it now.`,
    start: at(nextCheckAt, SOON),
    advice: ["check-workers"],
  }),
  queued: () => ({ sentence: "It is due and waits for a free worker.", start: SOON, advice: [] }),
  running: ({ startedAt }, reason) => ({
    sentence: reason.text,
    start: { kind: "running", since: instant(startedAt) },
    advice: [],
  }),
  lease_expired: () => ({
    sentence: "Its worker was not heard of any more; another one takes over.",
    start: SOON,
    advice: ["check-workers"],
  }),
  expires: (_, reason) => ({ sentence: reason.text, start: OVER, advice: [] }),
  // It is never the first reason: a key keeps other jobs from being submitted, not this one from running.
  holds_unique_key: said,
  cancel_requested: () => ({
    sentence: "A cancel was asked for; the task decides when it stops.",
    start: OVER,
    advice: [],
  }),
  finished: said,
  failed: (_, reason) => ({ sentence: reason.text, start: OVER, advice: ["redrive", "clone"] }),
  cancelled: (_, reason) => ({ sentence: reason.text, start: OVER, advice: ["redrive"] }),
  cancelled_for: (_, reason) => ({ sentence: reason.text, start: OVER, advice: ["redrive"] }),
  expired: (_, reason) => ({ sentence: reason.text, start: OVER, advice: ["redrive", "clone"] }),
  fan_out_pending: said,
  redrivable: said,
  too_old: (_, reason) => ({ sentence: reason.text, start: OVER, advice: ["clone"] }),
};

const FOLLOWS_END: ReadonlySet<Cause> = new Set(["failed", "cancelled", "cancelled_for", "expired"]);

/** Return the headline of an explanation; of one without reasons, what its state says. */
export function headline(explanation: Explanation): Headline {
  const [first, ...others] = explanation.reasons;
  if (!first) return { sentence: `It is ${explanation.state}.`, start: OVER, advice: [] };
  // How it ended says more than that it did.
  const main = first.code === "finished" ? (others.find(({ code }) => FOLLOWS_END.has(code)) ?? first) : first;
  const answer = ruleOf(main.code)(main.facts, main);
  const isOld = others.some(({ code }) => code === "too_old");
  return {
    ...answer,
    start: later(answer.start, others),
    advice: isOld ? ["clone"] : answer.advice,
  };
}

/** Return how a job that succeeded did so: with which attempt, how long that took, and how late it began. */
export function success(job: Pick<JobDetails, "attempt" | "dueAt" | "startedAt" | "finishedAt">): string {
  const [due, started, finished] = [instant(job.dueAt), instant(job.startedAt), instant(job.finishedAt)];
  const which = job.attempt > 1 ? `Attempt ${job.attempt} succeeded` : "It succeeded";
  if (started === null || finished === null) return `${which}.`;
  const began = due === null || due > started ? "" : `, ${duration(started - due)} after it was due`;
  return `${which}${began}, and took ${duration(finished - started)}.`;
}

function ruleOf(code: string): Rule {
  // A newer API may know more causes: its own words are shown.
  return Object.hasOwn(RULES, code) ? RULES[code as Cause] : said;
}

/** A job that is paused, and not due either, starts at the later of the two times. */
function later(start: Start, others: readonly Reason[]): Start {
  if (start.kind !== "at") return start;
  const times = others
    .filter(({ code }) => code === "not_due" || code === "retry_backoff")
    .map(({ facts }) => instant(facts["dueAt"] ?? facts["nextAttemptAt"]))
    .filter((ms): ms is number => ms !== null);
  return { kind: "at", at: Math.max(start.at, ...times) };
}

/** The ids of jobs that an explanation names. */
export function namedJobs(explanation: Explanation): string[] {
  return [...new Set(explanation.reasons.flatMap(({ facts }) => list(facts["jobs"])))];
}
