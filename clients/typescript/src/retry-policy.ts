/** When a request is sent again: pure. The rules are those of the Python client. */
import { ApiError, type ClientError, TokenError, TransportError } from "./errors.js";

/** How often and for how long a request is sent again. */
export interface RetryPolicy {
  /** Maximum number of times that a request is sent, the first one included; 1 never sends it again. Default: 5. */
  attempts: number;
  /** The wait before the second attempt is between 0 and this many seconds; it doubles with each. Default: 0.25. */
  baseSeconds: number;
  /** Longest such wait, seconds. Default: 8. */
  capSeconds: number;
  /** A call ends this many seconds after it began, waits and attempts together. Default: 60. */
  totalSeconds: number;
}

const DEFAULTS: RetryPolicy = { attempts: 5, baseSeconds: 0.25, capSeconds: 8, totalSeconds: 60 };
const UNAVAILABLE = new Set([502, 503, 504]);
const TOO_MANY_REQUESTS = 429;
const SERVER_ERROR = 500;

/**
 * Return a whole policy.
 *
 * @throws {TypeError} it would never send anything, or wait forever.
 */
export function retryPolicy(given: Partial<RetryPolicy> = {}): RetryPolicy {
  const policy = { ...DEFAULTS, ...given };
  const { attempts, baseSeconds, capSeconds, totalSeconds } = policy;
  if (!(attempts >= 1 && baseSeconds >= 0 && capSeconds >= 0 && totalSeconds > 0 && totalSeconds < Infinity)) {
    throw new TypeError(
      "attempts must be 1 or more, baseSeconds and capSeconds 0 or more, and totalSeconds over 0 and finite",
    );
  }
  return policy;
}

/** Return whether a request that failed may be sent again, and may then succeed. */
export function mayBeRepeated(error: ClientError, repeatable: boolean): boolean {
  if (error instanceof TransportError) return repeatable || !error.sent;
  // Nothing was sent to the API.
  if (error instanceof TokenError) return error.temporary;
  if (!(error instanceof ApiError)) return false;
  // The gateway has refused it before anything was done.
  if (error.status === TOO_MANY_REQUESTS) return true;
  return repeatable && UNAVAILABLE.has(error.status);
}

/** Return whether a status of an authorization server may be another one soon. */
export function isTemporary(status: number): boolean {
  return status === TOO_MANY_REQUESTS || status >= SERVER_ERROR;
}

/**
 * Return how many seconds to wait before the next attempt; undefined if there is no time or no attempt left.
 *
 * Full jitter: any wait from 0 to the computed one is as likely, so that clients that failed together do not come back
 * together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). It is added to Retry-After.
 *
 * @param attempt number of the attempt that failed, from 1.
 * @param elapsedSeconds since the call began.
 * @param chance a number from [0, 1).
 */
export function waitSeconds(
  policy: RetryPolicy,
  error: ClientError,
  attempt: number,
  elapsedSeconds: number,
  chance: number,
): number | undefined {
  if (attempt >= policy.attempts) return undefined;
  const jitter = chance * Math.min(policy.capSeconds, policy.baseSeconds * 2 ** (attempt - 1));
  const wait = jitter + ((error instanceof ApiError && error.retryAfterSeconds) || 0);
  return elapsedSeconds + wait < policy.totalSeconds ? wait : undefined;
}
