/** How far a bulk operation is, and the jobs that it could not change. */
import { problemOf } from "../../api/problems.js";
import type { Operation } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { pathOf } from "../../routing/paths.js";
import { Link } from "../../routing/router.js";
import { Notice } from "../../ui/states.js";
import { comeTo, expected, progressOf } from "./words.js";

interface ProgressProps {
  operation: Operation;
  /** Of how many jobs it is, as a dry run has counted them. */
  counted?: number | null;
}

export function OperationProgress({ operation, counted }: ProgressProps) {
  const most = expected(operation) ?? counted ?? null;
  const settled = comeTo(operation);
  const isRunning = operation.state === "running";
  return (
    <div class="stack-s" role="status">
      <label class="field">
        <span class="field-label number">{progressOf(operation)}</span>
        {most === null ? <progress /> : <progress max={Math.max(most, settled, 1)} value={isRunning ? settled : Math.max(most, settled, 1)} />}
      </label>
      {isRunning && most !== null ? (
        <span class="small muted number">
          {settled} of {operation.counts.total === null && operation.limit !== null && counted == null ? "at most " : ""}
          {things(most, "job")}
        </span>
      ) : null}
    </div>
  );
}

export function Failures({ operation }: { operation: Operation }) {
  const { failures, counts } = operation;
  if (!failures.length) return null;
  return (
    <div class="stack-s">
      <Notice tone="warn">
        {things(counts.failed, "job")} could not be changed
        {failures.length < counts.failed ? `; the first ${failures.length} of them:` : ":"}
      </Notice>
      <ul class="failures small">
        {failures.map(({ id, problem }) => (
          <li key={id}>
            <Link to={pathOf("jobs", id)}>
              <code class="wrap-anywhere">{id}</code>
            </Link>{" "}
            <span class="wrap-anywhere">{problemOf(0, problem).detail}</span>
          </li>
        ))}
      </ul>
    </div>
  );
}
