import assert from "node:assert/strict";
import { test } from "node:test";
import { claimsOf } from "../src/session/claims.js";
import { authorizationUrl, challengeOf, endpointsOf, exchangeOf, random } from "../src/session/pkce.js";

const SETTINGS = { issuer: "https://issuer.example.com", clientId: "dashboard", scopes: "openid jobs:read", audience: null };
const ENDPOINTS = { authorization: "https://issuer.example.com/authorize?tenant=1", token: "https://issuer.example.com/token" };

function tokenOf(claims: unknown): string {
  return `e30.${Buffer.from(JSON.stringify(claims)).toString("base64url")}.x`;
}

test("a token's claims are read, with the scopes that a scope contains", () => {
  const claims = claimsOf(tokenOf({ sub: "Zoë", tenant: "acme", scope: "admin", exp: 5 }));
  assert.deepEqual([claims.subject, claims.tenant, claims.expiresAt], ["Zoë", "acme", 5000]);
  assert.deepEqual([...claims.scopes].sort(), ["admin", "jobs:read", "jobs:write"]);
  assert.deepEqual([...claimsOf(tokenOf({ scp: ["a", "b"] })).scopes], ["a", "b"]);
});

test("what is no token has no claims", () => {
  for (const text of ["", "a", "a.b.c", "a..c", tokenOf(null), tokenOf([1]), tokenOf("x")]) {
    assert.equal(claimsOf(text).tenant, null);
    assert.equal(claimsOf(text).scopes.size, 0);
  }
  assert.deepEqual([...claimsOf(tokenOf({ scope: "constructor" })).scopes], ["constructor"]);
});

test("a challenge is that of RFC 7636, appendix B", async () => {
  assert.equal(await challengeOf("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"), "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
});

test("a verifier is random and long enough", () => {
  const made = new Set(Array.from({ length: 100 }, random));
  assert.equal(made.size, 100);
  for (const text of made) assert.match(text, /^[A-Za-z0-9_-]{43}$/);
});

test("the browser is sent to the issuer with a challenge, and keeps the verifier", async () => {
  const attempt = { state: "s", verifier: "v", returnTo: "dashboard/jobs" };
  const url = new URL(await authorizationUrl({ ...SETTINGS, audience: "whendue" }, ENDPOINTS, attempt, "https://api.example.com/back"));
  assert.deepEqual(Object.fromEntries(url.searchParams), {
    tenant: "1",
    response_type: "code",
    client_id: "dashboard",
    redirect_uri: "https://api.example.com/back",
    scope: "openid jobs:read",
    state: "s",
    code_challenge: await challengeOf("v"),
    code_challenge_method: "S256",
    audience: "whendue",
  });
  assert.equal(exchangeOf(SETTINGS, attempt, "c", "https://api.example.com/back").get("code_verifier"), "v");
});

test("metadata of another issuer, or with an endpoint that is none, is refused", () => {
  const metadata = { issuer: SETTINGS.issuer, authorization_endpoint: ENDPOINTS.authorization, token_endpoint: ENDPOINTS.token };
  assert.deepEqual(endpointsOf(metadata, SETTINGS.issuer), ENDPOINTS);
  assert.throws(() => endpointsOf(metadata, "https://other.example.com"), /another issuer/);
  for (const wrong of ["javascript:alert(1)", "http://issuer.example.com/token", "", 5, undefined]) {
    assert.throws(() => endpointsOf({ ...metadata, authorization_endpoint: wrong }, SETTINGS.issuer), /endpoint/);
  }
});
