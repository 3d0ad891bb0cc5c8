/** The answer on top: in a sentence, with the predicted start, what stands behind it, and what one can do. */
import type { Live } from "../../api/live.js";
import type { Explanation, JobDetails, Reason } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { hasEnded } from "../../format/states.js";
import { absolute, duration, instant, relative } from "../../format/times.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { now, zone } from "../../shell/clock.js";
import { Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { headline, namedJobs, success, type Advice, type Start } from "./headline.js";

const ADVICE: Record<Advice, string> = {
  "run-now": "“Run now” makes it due at once.",
  redrive: "“Redrive” runs it again from its first attempt.",
  resume: "Whoever paused it can resume it: see Queues.",
  "look-upstream": "Look at the jobs that it waits for.",
  clone: "“Clone and edit” submits a new job like it.",
  move: "“Queue” moves it to a queue that there is.",
  "check-timer": "Look at the timer function, and at its log.",
  "check-workers": "Look at the workers: are there enough, and do they run?",
};

export function Answer({ job, why }: { job: JobDetails; why: Live<Explanation> }) {
  if (!why.data || why.data.id !== job.id) {
    return <section class="card">{why.problem ? <Failed problem={why.problem} retry={why.refresh} /> : <Loading lines={2} />}</section>;
  }
  const { sentence, start, advice } = headline(why.data);
  const upstream = namedJobs(why.data);
  return (
    <section class="card answer" data-state={job.state} aria-label="Why, and when">
      <div class="card-body stack-s">
        <h2>{hasEnded(job.state) ? job.state === "succeeded" ? "How it went" : "Why it ended" : job.state === "running" ? "What it does" : "Why it has not run yet"}</h2>
        <p class="answer-sentence">{job.state === "succeeded" ? success(job) : sentence}</p>
        <p class="answer-start">
          <StartText start={start} />
        </p>
        {upstream.length ? (
          <p>
            {upstream.map((id) => (
              <Link key={id} to={pathOf("jobs", id)} class="answer-job">
                <code>{id}</code>
              </Link>
            ))}
          </p>
        ) : null}
        {advice.length ? <p class="muted">{advice.map((each) => ADVICE[each]).join(" ")}</p> : null}
        <details>
          <summary class="small muted">{things(why.data.reasons.length, "reason")}, with the values behind</summary>
          <ul class="reasons">
            {why.data.reasons.map((reason) => (
              <ReasonItem key={reason.code} reason={reason} />
            ))}
          </ul>
        </details>
      </div>
    </section>
  );
}

function StartText({ start }: { start: Start }) {
  switch (start.kind) {
    case "at":
      return (
        <>
          {start.at > now.value ? "Predicted start: " : "Was to start: "}
          <strong class="number">{absolute(start.at, zone.value)}</strong> <span class="number">({relative(start.at, now.value)})</span>
        </>
      );
    case "soon":
      return (
        <>
          Predicted start: <strong>now</strong>, as soon as a worker is free
        </>
      );
    case "after":
      return (
        <>
          Predicted start: <strong>not before {start.what}</strong>
        </>
      );
    case "running":
      return start.since === null ? null : (
        <>
          Running for <strong class="number">{duration(Math.max(now.value - start.since, 0))}</strong>
        </>
      );
    case "over":
      return null;
  }
}

function ReasonItem({ reason }: { reason: Reason }) {
  const facts = Object.entries(reason.facts).filter(([, value]) => value !== null);
  return (
    <li>
      <span class="tag mono">{reason.code}</span> {reason.text}
      {facts.length ? (
        <dl class="facts small">
          {facts.map(([name, value]) => (
            <>
              <dt key={name}>{name}</dt>
              <dd key={`${name} value`}>{/(At|Until)$/.test(name) && instant(value) !== null ? <Time at={String(value)} form="both" /> : typeof value === "object" ? JSON.stringify(value) : String(value)}</dd>
            </>
          ))}
        </dl>
      ) : null}
    </li>
  );
}
