/** The one way to the API: typed by its OpenAPI document, with the session's token. */
import createClient from "openapi-fetch";
import { ROOT } from "../routing/root.js";
import { end, token } from "../session/session.js";
import { asApiError, problemOf } from "./problems.js";
import type { paths } from "./schema.js";

const UNAUTHORIZED = 401;
const NOT_MODIFIED = 304;

export const api = createClient<paths>({ baseUrl: ROOT.href.replace(/\/$/, "") });

api.use({
  onRequest({ request }) {
    if (token.value) request.headers.set("Authorization", `Bearer ${token.value}`);
    return request;
  },
  onResponse({ response }) {
    if (response.status === UNAUTHORIZED) end("Your session has ended. Sign in again.");
  },
});

/** An answer to a conditional read: without data if what was read before still holds. */
export interface Answer<T> {
  data: T | null;
  etag: string | null;
}

interface Settled<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** Return the header that asks for an answer only if it differs from the one with this ETag. */
export function unlessSame(etag: string | null): Record<string, string> {
  return etag ? { "If-None-Match": etag } : {};
}

/** Return a read's answer. Throws an `ApiError`. */
export async function read<T>(asked: Promise<Settled<T>>): Promise<Answer<T>> {
  const { data, error, response } = await settled(asked);
  if (response.status === NOT_MODIFIED) return { data: null, etag: response.headers.get("ETag") };
  if (!response.ok) throw problemOf(response.status, error);
  return { data: data as T, etag: response.headers.get("ETag") };
}

/** Return what a change answers. Throws an `ApiError`. */
export async function done<T>(asked: Promise<Settled<T>>): Promise<T> {
  const { data, error, response } = await settled(asked);
  if (!response.ok) throw problemOf(response.status, error);
  return data as T;
}

async function settled<T>(asked: Promise<Settled<T>>): Promise<Settled<T>> {
  try {
    return await asked;
  } catch (thrown) {
    throw asApiError(thrown);
  }
}
