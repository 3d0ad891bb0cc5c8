/** What a page shows where it has no data: loading, empty, not allowed, failed. */
import type { ComponentChildren } from "preact";
import type { ApiError } from "../api/problems.js";

/** Grey lines in the shape of what is to come. */
export function Loading({ lines = 5 }: { lines?: number }) {
  return (
    <div class="bones" role="status">
      <span class="visually-hidden">Loading</span>
      {Array.from({ length: lines }, (_, number) => (
        <span class="bone" key={number} />
      ))}
    </div>
  );
}

/** Nothing is there, and what one can do about it. */
export function Empty({ title, children }: { title: string; children?: ComponentChildren }) {
  return (
    <div class="state">
      <p class="state-title">{title}</p>
      {children}
    </div>
  );
}

const FORBIDDEN = 403;
const NOT_FOUND = 404;

/** Why nothing can be shown. */
export function Failed({ problem, retry }: { problem: ApiError; retry?: () => void }) {
  const title =
    problem.status === FORBIDDEN ? "You may not see this" : problem.status === NOT_FOUND ? "Not found" : "This could not be read";
  return (
    <div class="state" role="alert">
      <p class="state-title">{title}</p>
      <p>{problem.detail}</p>
      <p class="small mono">{problem.code}</p>
      {retry && problem.status !== FORBIDDEN ? (
        <button type="button" class="button" onClick={retry}>
          Try again
        </button>
      ) : null}
    </div>
  );
}

/** A message inside a page. */
export function Notice({ tone = "busy", children }: { tone?: "busy" | "bad" | "warn" | "good"; children: ComponentChildren }) {
  return (
    <div class={`notice tone-${tone}`} role={tone === "bad" ? "alert" : "status"}>
      <div>{children}</div>
    </div>
  );
}
