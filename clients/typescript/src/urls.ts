/** Addresses that tokens may be sent to. */

const LOOPBACK: ReadonlySet<string> = new Set(["localhost", "127.0.0.1", "[::1]"]);

/**
 * Return a URL without the slash at its end.
 *
 * @param plainHttp whether a token may be sent without TLS to other machines.
 * @throws {TypeError} it is no URL of HTTP, has credentials, a query or a fragment, or would send tokens without TLS.
 */
export function checkedUrl(url: string, plainHttp = false): string {
  const parts = parsed(url);
  if (parts === undefined || !["http:", "https:"].includes(parts.protocol)) {
    throw new TypeError("url must be an absolute URL, as in https://whendue.example.com");
  }
  if (parts.username || parts.password || parts.search || parts.hash) {
    throw new TypeError("url must have no credentials, query or fragment");
  }
  if (parts.protocol === "http:" && !LOOPBACK.has(parts.hostname) && !plainHttp) {
    throw new TypeError("url must be https, so that nobody else reads the token; plainHttp: true permits plain http");
  }
  return parts.href.replace(/\/+$/, "");
}

function parsed(url: string): URL | undefined {
  try {
    return new URL(url);
  } catch {
    return undefined;
  }
}
