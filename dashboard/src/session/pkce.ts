/** OIDC's authorization code flow with PKCE (RFC 7636), for a client that cannot keep a secret. Pure but for chance. */

export interface Settings {
  issuer: string;
  clientId: string;
  scopes: string;
  audience: string | null;
}

export interface Endpoints {
  authorization: string;
  token: string;
}

/** What the page remembers while the browser is at the issuer. */
export interface Attempt {
  state: string;
  verifier: string;
  /** Where to go on, below the API's root. */
  returnTo: string;
}

/** Read the issuer's metadata (OpenID Connect Discovery 1.0, section 3). Throws if it is not the issuer's. */
export function endpointsOf(metadata: unknown, issuer: string): Endpoints {
  const said = (typeof metadata === "object" && metadata !== null ? metadata : {}) as Record<string, unknown>;
  // Section 4.3: the issuer must be exactly the one that was asked.
  if (said["issuer"] !== issuer) throw new Error("the issuer's metadata names another issuer");
  const { authorization_endpoint: authorization, token_endpoint: token } = said;
  if (!isEndpoint(authorization) || !isEndpoint(token)) throw new Error("the issuer's metadata lacks an endpoint");
  return { authorization, token };
}

function isEndpoint(value: unknown): value is string {
  if (typeof value !== "string" || !URL.canParse(value)) return false;
  const url = new URL(value);
  return url.protocol === "https:" || (url.protocol === "http:" && ["127.0.0.1", "localhost"].includes(url.hostname));
}

/** Return random text of 43 characters (RFC 7636, section 4.1). */
export function random(): string {
  return encoded(crypto.getRandomValues(new Uint8Array(32)));
}

function encoded(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");
}

/** Return the challenge of a verifier: its SHA-256 (section 4.2). */
export async function challengeOf(verifier: string): Promise<string> {
  return encoded(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(verifier))));
}

/** Return where the browser goes to sign in. */
export async function authorizationUrl(settings: Settings, endpoints: Endpoints, attempt: Attempt, redirect: string): Promise<string> {
  const url = new URL(endpoints.authorization);
  const parameters: Record<string, string> = {
    response_type: "code",
    client_id: settings.clientId,
    redirect_uri: redirect,
    scope: settings.scopes,
    state: attempt.state,
    code_challenge: await challengeOf(attempt.verifier),
    code_challenge_method: "S256",
    ...(settings.audience ? { audience: settings.audience } : {}),
  };
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return url.href;
}

/** Return the form that exchanges a code for a token. */
export function exchangeOf(settings: Settings, attempt: Attempt, code: string, redirect: string): URLSearchParams {
  return new URLSearchParams({
    grant_type: "authorization_code",
    client_id: settings.clientId,
    code,
    redirect_uri: redirect,
    code_verifier: attempt.verifier,
  });
}
