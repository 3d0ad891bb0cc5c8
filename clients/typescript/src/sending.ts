/** Sends a request until it is answered: with a token, with an Idempotency-Key, and again where that is safe. */
import { failure, isProblem } from "./answers.js";
import { type Clock, newKey } from "./clock.js";
import { ApiError, ClientError } from "./errors.js";
import { type Answer, type Fetch, exchange } from "./exchange.js";
import { type RetryPolicy, mayBeRepeated, waitSeconds } from "./retry-policy.js";
import { ROUTES, type Route } from "./routes.js";
import type { TokenSource } from "./tokens.js";

/** What requests are sent with. */
export interface Settings {
  tokens: TokenSource;
  retry: RetryPolicy;
  timeoutSeconds: number;
  fetch: Fetch;
  clock: Clock;
}

type OperationId = keyof typeof ROUTES;

const KEY = "Idempotency-Key";
const NO_CONTENT = 204;
const UNAUTHORIZED = 401;
const UNAVAILABLE = 503;
// `DOWN` is an answer, and no error.
const HEALTH: ReadonlySet<OperationId> = new Set(["getReadiness", "getActuatorHealth"] as const);
const OPERATIONS = new Map(Object.entries(ROUTES).map(([id, { method, path }]) => [`${method} ${path}`, id]));

/** Return the operation of a method and a path with `{names}`. */
export function operationOf(method: string, path: string): OperationId {
  return OPERATIONS.get(`${method} ${path}`) as OperationId;
}

/**
 * Send a request, and again as long as it is safe and the policy allows it; return its answer.
 *
 * @throws {ClientError} the API refused it, failed until the end, or did not answer.
 */
export async function send(operation: OperationId, request: Request, settings: Settings): Promise<Response> {
  const answer = await new Sending(operation, request, await request.text(), settings).answer();
  // An answer of these statuses must have no body.
  const body = answer.status === NO_CONTENT ? null : answer.text;
  return new Response(body, { status: answer.status, headers: answer.headers });
}

/** One call: what it has sent so far. */
class Sending {
  readonly #route: Route;
  readonly #repeatable: boolean;
  readonly #beganMs: number;
  readonly #key: string | undefined;
  #attempts = 0;
  #token: string | undefined;
  #rejected: string | undefined;

  constructor(
    readonly operation: OperationId,
    readonly request: Request,
    readonly body: string,
    readonly settings: Settings,
  ) {
    this.#route = ROUTES[operation];
    this.#repeatable = isRepeatable(operation, request.headers, body);
    this.#beganMs = settings.clock.nowMs();
    // Kept over all attempts, so that all of them create the same.
    this.#key = request.headers.get(KEY) ?? (this.#route.keyed ? newKey() : undefined);
  }

  async answer(): Promise<Answer> {
    for (;;) {
      try {
        return await this.#attempt();
      } catch (error) {
        // An error of the caller's own, such as the reason of an abort, or of its function for tokens.
        if (!(error instanceof ClientError)) throw error;
        await this.#waitAfter(error);
      }
    }
  }

  async #attempt(): Promise<Answer> {
    this.#attempts += 1;
    if (!this.#route.public) this.#token = await this.settings.tokens.token(this.#rejected);
    const leftSeconds = this.settings.retry.totalSeconds - this.#elapsedSeconds();
    const answer = await exchange(this.settings.fetch, {
      url: this.request.url,
      method: this.request.method,
      headers: this.#headers(),
      body: this.body || undefined,
      timeoutSeconds: Math.max(0.001, Math.min(this.settings.timeoutSeconds, leftSeconds)),
      signal: this.request.signal,
    });
    const isDown = HEALTH.has(this.operation) && answer.status === UNAVAILABLE && !isProblem(answer);
    if (isDown || (answer.status >= 200 && answer.status < 300)) return answer;
    throw failure(answer, this.settings.clock.nowMs());
  }

  /** Wait until the request may be sent again; throw the error if it may not, or there is no time or attempt left. */
  async #waitAfter(error: ClientError): Promise<void> {
    if (error instanceof ApiError && error.status === UNAUTHORIZED && (await this.#hasAnotherToken())) return;
    const { retry, clock } = this.settings;
    const wait = mayBeRepeated(error, this.#repeatable)
      ? waitSeconds(retry, error, this.#attempts, this.#elapsedSeconds(), clock.random())
      : undefined;
    if (wait === undefined) {
      error.attempts = this.#attempts;
      error.idempotencyKey = this.#key;
      throw error;
    }
    await clock.sleep(wait, this.request.signal);
  }

  /** Ask once for another token than the one that the API has refused; return whether there is one. */
  async #hasAnotherToken(): Promise<boolean> {
    if (this.#rejected !== undefined || this.#token === undefined) return false;
    this.#rejected = this.#token;
    try {
      return (await this.settings.tokens.token(this.#rejected)) !== this.#rejected;
    } catch {
      // The refusal says more than the reason why there is no other token.
      return false;
    }
  }

  #headers(): Headers {
    const headers = new Headers(this.request.headers);
    headers.set("Accept", "application/json");
    if (this.#key !== undefined) headers.set(KEY, this.#key);
    if (!this.#route.public) headers.set("Authorization", `Bearer ${this.#token}`);
    return headers;
  }

  #elapsedSeconds(): number {
    return (this.settings.clock.nowMs() - this.#beganMs) / 1000;
  }
}

/** Return whether a request may be carried out twice; of some operations that depends on what they are sent with. */
function isRepeatable(operation: OperationId, headers: Headers, body: string): boolean {
  if (operation === "redriveJob") return headers.has("If-Match");
  if (operation === "redriveDeadLetters") return (JSON.parse(body) as { dryRun?: boolean }).dryRun === true;
  return ROUTES[operation].repeatable;
}
