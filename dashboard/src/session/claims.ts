/** What a token says of itself. It is read for what is shown; the API alone decides what is allowed. */

export interface Claims {
  subject: string | null;
  tenant: string | null;
  scopes: ReadonlySet<string>;
  /** ms since 1970; null if the token does not say. */
  expiresAt: number | null;
}

const NOBODY: Claims = { subject: null, tenant: null, scopes: new Set(), expiresAt: null };
// As the API has it (docs/reference/authentication.md).
const IMPLIED: Record<string, readonly string[]> = { admin: ["jobs:read", "jobs:write"], operator: ["metrics:read"] };

/** Read the claims of a JWT without verifying it; of what is no JWT there are none. */
export function claimsOf(token: string): Claims {
  const part = token.split(".")[1];
  if (!part) return NOBODY;
  try {
    const claims: unknown = JSON.parse(text(part));
    return typeof claims === "object" && claims !== null ? read(claims as Record<string, unknown>) : NOBODY;
  } catch {
    return NOBODY;
  }
}

function text(part: string): string {
  const raw = atob(part.replace(/-/g, "+").replace(/_/g, "/"));
  return new TextDecoder().decode(Uint8Array.from(raw, (letter) => letter.charCodeAt(0)));
}

function read(claims: Record<string, unknown>): Claims {
  const said = claims["scope"] ?? claims["scopes"] ?? claims["scp"];
  const words = typeof said === "string" ? said.split(/\s+/) : Array.isArray(said) ? said.map(String) : [];
  const scopes = new Set(words.flatMap((word) => [word, ...(Object.hasOwn(IMPLIED, word) ? (IMPLIED[word] ?? []) : [])]));
  const expires = claims["exp"];
  return {
    subject: typeof claims["sub"] === "string" ? claims["sub"] : null,
    tenant: typeof claims["tenant"] === "string" ? claims["tenant"] : null,
    scopes,
    expiresAt: typeof expires === "number" ? expires * 1000 : null,
  };
}
