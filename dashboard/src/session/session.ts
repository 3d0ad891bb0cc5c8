/** Who is signed in: the token, in memory and in the tab's session storage, and what it allows. */
import { computed, signal } from "@preact/signals";
import { ROOT } from "../routing/root.js";
import { claimsOf } from "./claims.js";

// Several deployments may be behind one origin, each at a path of its own.
const STORED = `whendue.token ${ROOT.pathname}`;
const stored = signal<string | null>(recalled());

/** The token; null for nobody. */
export const token = computed(() => stored.value);

/** What the token says. */
export const claims = computed(() => claimsOf(stored.value ?? ""));

/** Why the last session ended; shown where one signs in. */
export const ended = signal<string | null>(null);

function recalled(): string | null {
  try {
    return sessionStorage.getItem(STORED);
  } catch {
    return null;
  }
}

/** Sign in with a token. */
export function begin(given: string): void {
  stored.value = given;
  ended.value = null;
  try {
    sessionStorage.setItem(STORED, given);
  } catch {
    // Storage is turned off: the token is kept in memory alone.
  }
}

/** Sign out; the reason is shown. */
export function end(reason: string | null = null): void {
  stored.value = null;
  ended.value = reason;
  try {
    sessionStorage.removeItem(STORED);
  } catch {
    // As in `begin`.
  }
}

/** Return whether the token has a scope. */
export function may(scope: string): boolean {
  return claims.value.scopes.has(scope);
}
