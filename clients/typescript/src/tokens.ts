/** Where the client takes its token from: a text, a function, or an authorization server. */
import { type Clock, systemClock } from "./clock.js";
import { TokenError, TransportError } from "./errors.js";
import { type Answer, type Fetch, exchange } from "./exchange.js";
import { isTemporary } from "./retry-policy.js";
import { checkedUrl } from "./urls.js";

/** Returns the token for each request. */
export interface TokenSource {
  /**
   * Return the token.
   *
   * @param rejected a token that the API has refused during this call: another one is wanted, if there is one.
   * @throws {TokenError} none could be obtained.
   */
  token(rejected?: string): Promise<string>;
}

/** What a client takes as its token. A function is called for each request. */
export type TokenLike = string | (() => string | Promise<string>) | TokenSource;

// A token is fetched again when this many seconds of it are left, or a tenth of its lifetime if that is less.
const EARLY_SECONDS = 60;
// RFC 6749 section 4.2.2 recommends expires_in. Without it, a token is used for this long.
const UNKNOWN_LIFETIME_SECONDS = 300;
// RFC 6749 section 5.2: an error is a short name.
const ERROR = /^[a-z_]{1,40}$/;
const PRINTABLE = /^[!-~]+$/;

/**
 * Return the source of what a client was given as its token.
 *
 * @throws {TypeError} it is none, or a text that no header can carry.
 */
export function sourceOf(token: TokenLike): TokenSource {
  if (typeof token === "string") {
    const text = checkedToken(token, () => new TypeError("a token must be printable ASCII characters without blanks"));
    return { token: async () => text };
  }
  if (typeof token !== "function") {
    if (typeof token?.token !== "function") throw new TypeError("token must be a text, a function or a TokenSource");
    return token;
  }
  const refused = () => new TokenError("the token's function has no token: printable ASCII without blanks is required");
  return { token: async () => checkedToken(await token(), refused) };
}

function checkedToken(token: unknown, refused: () => Error): string {
  const text = typeof token === "string" ? token.trim() : "";
  if (!PRINTABLE.test(text)) throw refused();
  return text;
}

/** What `ClientCredentials` fetches tokens with. */
export interface ClientCredentialsOptions {
  /** The server's token endpoint; https, or plain http on loopback. */
  tokenUrl: string;
  /** Name of the client. */
  clientId: string;
  /** Its secret. Pages in a browser cannot keep one: there, use a function that returns the user's token. */
  clientSecret: string;
  /** Scopes to ask for, separated by blanks. Default: the server decides. */
  scope?: string;
  /** For servers that need one. Default: not sent. */
  audience?: string;
  /** How the secret is sent: `basic` (as all servers must support) or `post` (in the form). Default: `basic`. */
  method?: "basic" | "post";
  /** How long a fetch may take, seconds. Default: 10. */
  timeoutSeconds?: number;
  /** Sends the requests. Default: `globalThis.fetch`. */
  fetch?: Fetch;
  /** Reads the time. Default: the system's. */
  clock?: Clock;
}

/**
 * Fetches tokens by OAuth2 client credentials (RFC 6749 section 4.4), and keeps each until shortly before it expires.
 *
 * If several requests need a new token at once, one of them fetches it and the others wait. A token that the API
 * refuses is fetched once more.
 */
export class ClientCredentials implements TokenSource {
  readonly #options: ClientCredentialsOptions;
  readonly #url: string;
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  #held: { token: string; untilMs: number } | undefined;
  #fetching: Promise<string> | undefined;

  /** @throws {TypeError} the address is not one that a secret may be sent to. */
  constructor(options: ClientCredentialsOptions) {
    this.#url = checkedUrl(options.tokenUrl);
    this.#options = options;
    this.#fetch = options.fetch ?? ((url, init) => globalThis.fetch(url, init));
    this.#clock = options.clock ?? systemClock;
  }

  async token(rejected?: string): Promise<string> {
    const held = this.#held;
    if (held !== undefined && held.token !== rejected && this.#clock.nowMs() < held.untilMs) return held.token;
    this.#fetching ??= this.#fetched().finally(() => (this.#fetching = undefined));
    return this.#fetching;
  }

  async #fetched(): Promise<string> {
    const answer = await exchange(this.#fetch, this.#request()).catch((error: unknown) => {
      // Nothing was sent to the API.
      throw error instanceof TransportError ? new TransportError(error.message, false) : error;
    });
    if (answer.status !== 200) throw refusal(answer);
    const body = jsonOf(answer);
    const lifetime = Number(body["expires_in"] ?? UNKNOWN_LIFETIME_SECONDS);
    const refused = () => new TokenError("the authorization server did not answer with a token");
    const token = checkedToken(body["access_token"], refused);
    if (Number.isNaN(lifetime)) throw refused();
    const used = Math.max(0, lifetime - Math.min(EARLY_SECONDS, lifetime / 10));
    this.#held = { token, untilMs: this.#clock.nowMs() + used * 1000 };
    return token;
  }

  #request() {
    const { clientId, clientSecret, scope, audience, method, timeoutSeconds = 10 } = this.#options;
    const form = new URLSearchParams({ grant_type: "client_credentials" });
    if (scope) form.set("scope", scope);
    if (audience) form.set("audience", audience);
    const headers = new Headers({ "Content-Type": "application/x-www-form-urlencoded", Accept: "application/json" });
    if (method === "post") {
      form.set("client_id", clientId);
      form.set("client_secret", clientSecret);
    } else {
      headers.set("Authorization", `Basic ${base64(`${clientId}:${clientSecret}`)}`);
    }
    return { url: this.#url, method: "POST", headers, body: form.toString(), timeoutSeconds };
  }
}

function base64(text: string): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(text)));
}

function refusal(answer: Answer): TokenError {
  const name = jsonOf(answer)["error"];
  const shown = typeof name === "string" && ERROR.test(name) ? ` ${name}` : "";
  return new TokenError(`the authorization server refused: ${answer.status}${shown}`, isTemporary(answer.status));
}

function jsonOf(answer: Answer): Record<string, unknown> {
  try {
    const body: unknown = JSON.parse(answer.text);
    return typeof body === "object" && body !== null ? (body as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}
