/** A server that answers as a test says, and a clock that moves when it is slept on. */
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { TestContext } from "node:test";
import { Client, type ClientOptions, type Clock } from "whendue-client";

export type Reply = (response: ServerResponse) => void;

export interface Seen {
  method: string;
  path: string;
  headers: IncomingMessage["headers"];
  body: string;
}

/** Answer with a status and a body; one that is no text is sent as JSON. */
export function answer(status: number, body: unknown = {}, headers: Record<string, string> = {}): Reply {
  const text = typeof body === "string" ? body : JSON.stringify(body);
  return (response) => response.writeHead(status, { "Content-Type": "application/json", ...headers }).end(text);
}

/** Answer with a problem of the API. */
export function problem(status: number, code: string, headers: Record<string, string> = {}): Reply {
  const body = { type: `urn:whendue:problem:${code}`, title: "t", status, code, detail: "d" };
  return answer(status, body, { "Content-Type": "application/problem+json", ...headers });
}

/** Close the connection without an answer. */
export const dropped: Reply = (response) => void response.socket?.destroy();

/** Send the half of an answer, and close the connection. */
export const half: Reply = (response) => {
  response.writeHead(200, { "Content-Length": "1000" });
  response.write("{", () => response.socket?.destroy());
};

/** Serve these replies one after another, and the last one from then on; return the address and what was seen. */
export async function serving(test: TestContext, ...replies: Reply[]): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { method = "", url: path = "", headers } = request;
    seen.push({ method, path, headers, body: Buffer.concat(chunks).toString() });
    const reply = replies[Math.min(seen.length, replies.length) - 1];
    reply?.(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  test.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

/** A clock whose chance is all of each wait, and what was slept. */
export function aClock(chance = 1): Clock & { slept: number[]; advance(seconds: number): void } {
  let now = 1_800_000_000_000;
  const slept: number[] = [];
  return {
    slept,
    advance: (seconds) => (now += seconds * 1000),
    nowMs: () => now,
    random: () => chance,
    async sleep(seconds, signal) {
      signal?.throwIfAborted();
      slept.push(seconds);
      now += seconds * 1000;
    },
  };
}

/** A client of a server of this module. */
export function clientOf(url: string, options: Partial<ClientOptions> = {}): Client {
  return new Client({ url, token: "t", clock: aClock(), ...options });
}
