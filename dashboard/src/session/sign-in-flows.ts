/** The ways to sign in: a one-time link of a dev stack, and an issuer (OIDC). A token by hand needs none of this. */
import { ROOT } from "../routing/root.js";
import {
  authorizationUrl,
  endpointsOf,
  exchangeOf,
  random,
  type Attempt,
  type Endpoints,
  type Settings,
} from "./pkce.js";

/** What the deployment says of signing in: `GET /dashboard/config.json`. */
export interface Config {
  signIn: Settings | null;
}

const ATTEMPT = `whendue.sign-in ${ROOT.pathname}`;
const CODE = /^#sign-in=([A-Za-z0-9_-]{20,128})$/;
/** Where an issuer sends the browser back to. */
export const REDIRECT = new URL("dashboard/signed-in", ROOT).href;

/** Read how one signs in to this deployment. */
export async function readConfig(): Promise<Config> {
  const answer = await fetch(new URL("dashboard/config.json", ROOT));
  if (!answer.ok) throw new Error(`the deployment's settings cannot be read (${answer.status})`);
  return (await answer.json()) as Config;
}

/** Return the code of a one-time link, and take it out of the address at once; null if there is none. */
export function takeCode(): string | null {
  const found = CODE.exec(location.hash)?.[1] ?? null;
  if (found) history.replaceState(null, "", location.pathname + location.search);
  return found;
}

/** Exchange the code of a one-time link for a token. */
export async function exchangeCode(code: string): Promise<string> {
  const answer = await fetch(new URL("dashboard/sign-in", ROOT), {
    method: "POST",
    headers: { Authorization: `Code ${code}` },
  });
  if (!answer.ok) throw new Error("this link was used already, or is too old; make a new one with `make link`");
  const { token } = (await answer.json()) as { token: string };
  return token;
}

/** Send the browser to the issuer. */
export async function leaveForIssuer(settings: Settings): Promise<void> {
  const endpoints = await discovered(settings);
  const attempt: Attempt = { state: random(), verifier: random(), returnTo: below(location.href) };
  sessionStorage.setItem(ATTEMPT, JSON.stringify(attempt));
  location.assign(await authorizationUrl(settings, endpoints, attempt, REDIRECT));
}

function below(href: string): string {
  return href.startsWith(ROOT.href) ? href.slice(ROOT.href.length) : "dashboard";
}

/** Return whether the browser came back from the issuer. */
export function isBack(): boolean {
  return location.href.startsWith(REDIRECT);
}

/** Exchange what the issuer sent for a token; return it, and where to go on. Throws what the reader is shown. */
export async function arriveFromIssuer(settings: Settings): Promise<{ token: string; returnTo: string }> {
  const parameters = new URLSearchParams(location.search);
  const kept = sessionStorage.getItem(ATTEMPT);
  sessionStorage.removeItem(ATTEMPT);
  history.replaceState(null, "", REDIRECT);
  const attempt = kept ? (JSON.parse(kept) as Attempt) : null;
  const code = parameters.get("code");
  if (parameters.has("error")) throw new Error(`the issuer refused: ${parameters.get("error_description") ?? parameters.get("error")}`);
  // RFC 6749 section 10.12: an answer to a question that this tab did not ask.
  if (!attempt || !code || parameters.get("state") !== attempt.state) throw new Error("this sign-in did not begin in this tab; start again");
  const endpoints = await discovered(settings);
  const answer = await fetch(endpoints.token, { method: "POST", body: exchangeOf(settings, attempt, code, REDIRECT) });
  const said = (await answer.json().catch(() => ({}))) as { access_token?: unknown; error?: unknown };
  if (!answer.ok || typeof said.access_token !== "string") throw new Error(`the issuer gave no token (${String(said.error ?? answer.status)})`);
  return { token: said.access_token, returnTo: attempt.returnTo };
}

async function discovered(settings: Settings): Promise<Endpoints> {
  const answer = await fetch(`${settings.issuer.replace(/\/$/, "")}/.well-known/openid-configuration`);
  if (!answer.ok) throw new Error(`the issuer does not answer (${answer.status})`);
  return endpointsOf(await answer.json(), settings.issuer);
}
