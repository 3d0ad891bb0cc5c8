/** The typed requests of openapi-fetch, sent by `sending`, and what reads their results. */
import createClient, { type Client } from "openapi-fetch";
import { retryAfterSeconds } from "./answers.js";
import { UnexpectedAnswerError } from "./errors.js";
import type { paths } from "./schema.js";
import { type Settings, operationOf, send } from "./sending.js";
import type { ChangeOptions, Created, PutOptions, Versioned, Waited } from "./types.js";

/** Requests by method and path, as openapi-fetch types them. */
export type Requests = Client<paths>;

interface Reply<T> {
  data?: T;
  response: Response;
}

const KEY = /^[!-~]{1,255}$/;

/** Return what makes requests of an API. All errors are thrown. */
export function requestsOf(url: string, settings: Settings): Requests {
  const requests = createClient<paths>({ baseUrl: url });
  requests.use({
    onRequest: ({ request, schemaPath, params }) => {
      checkPath(params.path ?? {});
      return send(operationOf(request.method, schemaPath), request, settings);
    },
  });
  return requests;
}

/** RFC 3986 section 5.2.4: clients and proxies take dots off the path. */
function checkPath(values: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(values)) {
    if (value === undefined || value === null || ["", ".", ".."].includes(String(value))) {
      throw new TypeError(`${name} must not be empty, . or ..`);
    }
  }
}

/**
 * Return an Idempotency-Key.
 *
 * @throws {TypeError} it is empty, too long, or not printable ASCII.
 */
export function checkedKey(key: string): string {
  if (!KEY.test(key)) {
    throw new TypeError("idempotencyKey must be 1 to 255 printable ASCII characters without spaces");
  }
  return key;
}

/**
 * Return the headers of a request that is meant for one version.
 *
 * @throws {TypeError} a version cannot be expected of what is to be created.
 */
export function preconditions({ ifMatch, onlyCreate }: PutOptions): { "If-Match"?: string; "If-None-Match"?: "*" } {
  if (ifMatch !== undefined && onlyCreate) throw new TypeError("send ifMatch or onlyCreate, not both");
  return { ...matching({ ifMatch }), ...(onlyCreate ? { "If-None-Match": "*" as const } : {}) };
}

/** Return the header of a request that changes one version. */
export function matching({ ifMatch }: ChangeOptions): { "If-Match"?: string } {
  return ifMatch === undefined ? {} : { "If-Match": ifMatch };
}

/** Return the result of a request. */
export async function result<T>(call: Promise<Reply<T>>): Promise<T> {
  const { data } = await answered(call);
  return data;
}

/** Return the result of a request, with the `etag` of its answer. */
export async function versioned<T extends object>(call: Promise<Reply<T>>): Promise<Versioned<T>> {
  const { data, response } = await answered(call);
  return { ...data, etag: response.headers.get("etag") ?? undefined };
}

/** Return a job that a request was to wait for, with when to ask again if it could not wait. */
export async function waited<T extends object>(call: Promise<Reply<T>>, nowMs: number): Promise<Waited<T>> {
  const { data, response } = await answered(call);
  const { headers } = response;
  const seconds = retryAfterSeconds(headers.get("retry-after"), nowMs);
  return { ...data, etag: headers.get("etag") ?? undefined, retryAfterSeconds: seconds };
}

/** Return the result of a request that creates something. */
export async function created<T extends object>(call: Promise<Reply<T>>): Promise<Created<T>> {
  const { data, response } = await answered(call);
  return { ...data, replayed: response.headers.get("idempotency-replayed") === "true" };
}

/** Wait for the answer of a request that has no result. */
export async function nothing(call: Promise<{ response: Response }>): Promise<void> {
  await call;
}

async function answered<T>(call: Promise<Reply<T>>): Promise<{ data: T; response: Response }> {
  try {
    const { data, response } = await call;
    // An empty body, which no operation answers with.
    if (data !== undefined) return { data, response };
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new UnexpectedAnswerError("the answer is not one of this API, and is not JSON");
}
