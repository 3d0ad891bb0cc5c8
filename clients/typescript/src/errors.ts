/** What a call of the client throws. No error holds a token. */
import type { components } from "./schema.js";

/** A problem document of the API (RFC 9457). Members that a problem has in addition are kept. */
export type Problem = components["schemas"]["Problem"];

/**
 * Stable name of a problem, as docs/reference/api.md lists them. `http_<status>` if a gateway answered. A newer server
 * may have others.
 */
export type ProblemCode = Problem["code"] | `http_${number}` | (string & {});

/** A place in a request that is wrong. */
export type ProblemPlace = NonNullable<Problem["errors"]>[number];

/** A call did not succeed. */
export class ClientError extends Error {
  override name = "ClientError";
  /**
   * How many times the request was sent. After the second time, 404 of a delete or `precondition_failed` may mean that
   * an earlier one was carried out, and only its answer was lost.
   */
  attempts = 1;
  /** The Idempotency-Key that was sent, if any. The same call with this key creates nothing twice. */
  idempotencyKey: string | undefined;
}

/** The API refused the request, or failed. */
export class ApiError extends ClientError {
  override name = "ApiError";
  /** HTTP status. */
  readonly status: number;
  /** Stable name of the problem: decide by it, not by the texts. */
  readonly code: ProblemCode;
  /** What is wrong, for people. */
  readonly detail: string;
  /** The places in the request that are wrong, if they can be named. */
  readonly errors: readonly ProblemPlace[];

  constructor(
    /** The problem as it was sent. */
    readonly problem: Omit<Problem, "code" | "type" | "title"> & { code: ProblemCode },
    /** The id that the gateway gave to the request, if it names one. */
    readonly requestId?: string,
    /** Seconds after which the API asks to send the request again, if it says so. */
    readonly retryAfterSeconds?: number,
  ) {
    const errors = problem.errors ?? [];
    // A place that the detail names itself is not repeated.
    const places = errors
      .map((wrong) => [wrong.where, wrong.problem].filter(Boolean).join(": "))
      .filter((text) => !` ${problem.detail}`.includes(` ${text}`))
      .map((text) => `; ${text}`)
      .join("");
    const request = requestId === undefined ? "" : ` (request ${requestId})`;
    super(`${problem.status} ${problem.code}: ${problem.detail}${places}${request}`);
    this.status = problem.status;
    this.code = problem.code;
    this.detail = problem.detail;
    this.errors = errors;
  }
}

/** There was no answer: no connection, a broken one, or none in time. */
export class TransportError extends ClientError {
  override name = "TransportError";

  constructor(
    message: string,
    /** Whether the request may have arrived, and may have been carried out. */
    readonly sent: boolean = true,
  ) {
    super(message);
  }
}

/** The answer is not one that the API describes: something else answers at this URL, or it is too large. */
export class UnexpectedAnswerError extends ClientError {
  override name = "UnexpectedAnswerError";
}

/** No token could be obtained. */
export class TokenError extends ClientError {
  override name = "TokenError";

  constructor(
    message: string,
    /** Whether another try may succeed. */
    readonly temporary: boolean = false,
  ) {
    super(message);
  }
}

/** What was waited for has not ended in time. */
export class WaitTimeoutError<T = unknown> extends ClientError {
  override name = "WaitTimeoutError";

  constructor(
    message: string,
    /** What was read last. */
    readonly last: T,
  ) {
    super(message);
  }
}
