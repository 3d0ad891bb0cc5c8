/** What an answer means that is no result. */
import { ApiError, type Problem, type ProblemCode } from "./errors.js";
import type { Answer } from "./exchange.js";

// Names of the id that AWS's gateways give to a request: HTTP APIs, REST APIs, proxies.
const REQUEST_IDS = ["apigw-requestid", "x-amzn-requestid", "x-request-id"];
// A gateway's detail, for people.
const TEXT_CHARACTERS = 200;

/** Return whether the body of an answer is a problem document. */
export function isProblem(answer: Answer): boolean {
  return answer.headers.get("content-type")?.startsWith("application/problem+json") ?? false;
}

/** Return the error of an answer whose status is one of an error. */
export function failure(answer: Answer, nowMs: number): ApiError {
  const requestId = REQUEST_IDS.map((name) => answer.headers.get(name)).find((id) => id !== null);
  const retryAfter = retryAfterSeconds(answer.headers.get("retry-after"), nowMs);
  return new ApiError(problemOf(answer), requestId ?? undefined, retryAfter);
}

/** Return the problem of an answer; of a gateway's, which sends none, the message that it has. */
function problemOf(answer: Answer): ApiError["problem"] {
  const body = parsed(answer.text) as (Partial<Problem> & { message?: unknown }) | null | undefined;
  if (typeof body?.code === "string" && typeof body.detail === "string" && typeof body.status === "number") {
    const places = Array.isArray(body.errors) ? body.errors : undefined;
    return { ...body, errors: places, code: body.code, detail: body.detail, status: body.status };
  }
  const words = typeof body?.message === "string" ? body.message : "the answer has no problem details";
  const code: ProblemCode = `http_${answer.status}`;
  return { status: answer.status, code, detail: words.slice(0, TEXT_CHARACTERS) };
}

/** Read a Retry-After, seconds or a date (RFC 9110 section 10.2.3); undefined if there is none that can be read. */
export function retryAfterSeconds(header: string | null, nowMs: number): number | undefined {
  if (header === null) return undefined;
  // More digits than any wait has.
  if (/^\d+$/.test(header)) return Number(header.slice(0, 9));
  const atMs = Date.parse(header);
  return Number.isNaN(atMs) ? undefined : Math.max(0, (atMs - nowMs) / 1000);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
