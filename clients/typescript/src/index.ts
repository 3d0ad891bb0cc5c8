/** A typed client of whendue's HTTP API. Start with `Client`. Its guide is docs/guide/client-typescript.md. */
export { Client, type ClientOptions } from "./client.js";
export type { Clock } from "./clock.js";
export {
  ApiError,
  ClientError,
  type Problem,
  type ProblemCode,
  type ProblemPlace,
  TokenError,
  TransportError,
  UnexpectedAnswerError,
  WaitTimeoutError,
} from "./errors.js";
export type { Fetch } from "./exchange.js";
export type { Items, PageLike } from "./listing.js";
export type { RetryPolicy } from "./retry-policy.js";
export type { components, operations, paths } from "./schema.js";
export { ClientCredentials, type ClientCredentialsOptions, type TokenLike, type TokenSource } from "./tokens.js";
export type * from "./types.js";
export type { WaitOptions } from "./waiting.js";
