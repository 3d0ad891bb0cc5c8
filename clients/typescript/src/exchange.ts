/** One request of HTTP and its answer, bounded in time and size. */
import { TransportError, UnexpectedAnswerError } from "./errors.js";

/** Sends a request; `globalThis.fetch` is one. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** An answer whose body was read. */
export interface Answer {
  status: number;
  headers: Headers;
  text: string;
}

/** A request, and how long it may take. */
export interface Exchange {
  url: string;
  method: string;
  headers: Headers;
  body?: string | undefined;
  timeoutSeconds: number;
  /** Of the caller: when it is aborted, the exchange ends with its reason. */
  signal?: AbortSignal | undefined;
}

// Larger than any answer of a Lambda function (6 MB); what is longer comes from something else.
const ANSWER_BYTES = 16 * 1024 * 1024;
// What Node.js was doing when a system call failed: before anything was sent.
const CONNECTING: ReadonlySet<unknown> = new Set(["connect", "getaddrinfo"]);

/**
 * Send a request, and read its answer whole.
 *
 * @throws {TransportError} there was no answer, or not all of it in time.
 * @throws {UnexpectedAnswerError} it is a redirect, or larger than any answer of the API.
 */
export async function exchange(fetch: Fetch, request: Exchange): Promise<Answer> {
  const { url, method, headers, body, timeoutSeconds, signal } = request;
  signal?.throwIfAborted();
  const stop = new AbortController();
  const abort = () => stop.abort();
  const timer = setTimeout(abort, timeoutSeconds * 1000);
  signal?.addEventListener("abort", abort, { once: true });
  try {
    const response = await fetch(url, { method, headers, body: body ?? null, signal: stop.signal, redirect: "manual" });
    // Browsers show a redirect that is not followed as status 0.
    if (response.type === "opaqueredirect" || (response.status >= 300 && response.status < 400)) {
      throw new UnexpectedAnswerError("a redirect is not followed, since the token would be sent elsewhere");
    }
    return { status: response.status, headers: response.headers, text: await textOf(response) };
  } catch (error) {
    if (error instanceof UnexpectedAnswerError) throw error;
    signal?.throwIfAborted();
    if (stop.signal.aborted) throw new TransportError(`the answer was not complete within ${timeoutSeconds} s`);
    throw transportError(error);
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener("abort", abort);
    // Closes the connection of an answer that was not read to its end; of another one it does nothing.
    stop.abort();
  }
}

async function textOf(response: Response): Promise<string> {
  if (response.body === null) return "";
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let bytes = 0;
  for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) {
    bytes += chunk.value.byteLength;
    if (bytes > ANSWER_BYTES) throw new UnexpectedAnswerError(`the answer has more than ${ANSWER_BYTES} bytes`);
    text += decoder.decode(chunk.value, { stream: true });
  }
  return text + decoder.decode();
}

/** Return what an error of `fetch` means. It is not kept as the cause: its texts are not ours. */
function transportError(error: unknown): TransportError {
  const { cause } = error as { cause?: { message?: string; code?: string; syscall?: string; errors?: unknown[] } };
  const words = cause?.message || cause?.code || (error instanceof Error ? error.message : "no further description");
  const [first] = cause?.errors ?? [];
  const { syscall, code } = (first ?? cause ?? {}) as { syscall?: string; code?: string };
  // Browsers do not say why: then it may have arrived.
  return new TransportError(words, !(CONNECTING.has(syscall) || code === "UND_ERR_CONNECT_TIMEOUT"));
}
