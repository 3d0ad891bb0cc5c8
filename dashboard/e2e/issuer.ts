/** An issuer of OpenID Connect as the dashboard needs one: it signs in whoever comes, and insists on PKCE (RFC 7636). */
import { createHash, randomBytes } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";

export interface Issuer {
  /** What was refused, and why. */
  refused: string[];
  server: Server;
}

/** Start it; every sign-in gets this token. */
export async function startIssuer(port: number, token: string): Promise<Issuer> {
  const origin = `http://127.0.0.1:${port}`;
  const challenges = new Map<string, string>();
  const refused: string[] = [];

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? "/", origin);
    response.setHeader("Access-Control-Allow-Origin", request.headers.origin ?? "*");
    if (url.pathname === "/.well-known/openid-configuration") {
      return json(response, 200, { issuer: origin, authorization_endpoint: `${origin}/authorize`, token_endpoint: `${origin}/token` });
    }
    if (url.pathname === "/authorize") {
      const code = randomBytes(16).toString("hex");
      if (url.searchParams.get("code_challenge_method") === "S256") challenges.set(code, url.searchParams.get("code_challenge") ?? "");
      const back = new URL(url.searchParams.get("redirect_uri") ?? "");
      back.searchParams.set("code", code);
      back.searchParams.set("state", url.searchParams.get("state") ?? "");
      response.writeHead(302, { Location: back.href }).end();
      return undefined;
    }
    const form = new URLSearchParams(await bodyOf(request));
    const challenge = challenges.get(form.get("code") ?? "");
    challenges.delete(form.get("code") ?? "");
    const verifier = createHash("sha256").update(form.get("code_verifier") ?? "").digest("base64url");
    if (url.pathname !== "/token" || !challenge || verifier !== challenge) {
      refused.push(`${url.pathname} ${form}`);
      return json(response, 400, { error: "invalid_grant" });
    }
    return json(response, 200, { access_token: token, token_type: "Bearer" });
  }

  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(port, "127.0.0.1", resolve));
  return { refused, server };
}

function json(response: ServerResponse, status: number, value: unknown): undefined {
  response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(value));
  return undefined;
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of request) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}
