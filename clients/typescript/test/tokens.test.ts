/** Where tokens come from, and that nothing shows them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { ApiError, ClientCredentials, TokenError } from "whendue-client";
import { aClock, answer, clientOf, dropped, problem, serving } from "./servers.js";

const OK = answer(200, { id: "j" });

test("a function is called for each request, and its token is trimmed", async (context) => {
  const { url, seen } = await serving(context, OK);
  let number = 0;
  const client = clientOf(url, { token: async () => `t${++number}\n` });
  await client.getJob("j");
  await client.getJob("j");
  assert.deepEqual(seen.map(({ headers }) => headers.authorization), ["Bearer t1", "Bearer t2"]);
});

test("a token that is refused is asked for once more", async (context) => {
  const { url, seen } = await serving(context, problem(401, "unauthenticated"), OK);
  const tokens = ["old", "new", "new"];
  await clientOf(url, { token: () => tokens.shift() ?? "none" }).getJob("j");
  assert.deepEqual(seen.map(({ headers }) => headers.authorization), ["Bearer old", "Bearer new"]);
  const always = await serving(context, problem(401, "unauthenticated"));
  await assert.rejects(clientOf(always.url).getJob("j"), ApiError);
  assert.equal(always.seen.length, 1);
  let number = 0;
  await assert.rejects(clientOf(always.url, { token: () => `t${++number}` }).getJob("j"), ApiError);
  assert.equal(always.seen.length, 3);
});

test("a function without a token, or that fails, ends the call", async (context) => {
  const { url, seen } = await serving(context, OK);
  await assert.rejects(clientOf(url, { token: () => undefined as never }).getJob("j"), TokenError);
  await assert.rejects(clientOf(url, { token: () => "a b" }).getJob("j"), TokenError);
  const own = new Error("the vault is closed");
  await assert.rejects(clientOf(url, { token: () => Promise.reject(own) }).getJob("j"), own);
  assert.equal(seen.length, 0);
});

test("credentials are exchanged once, by one request for all calls, and again when the token expires", async (context) => {
  const { url, seen } = await serving(context, OK);
  const server = await serving(context, answer(200, { access_token: "first", expires_in: 600 }), answer(200, { access_token: "second", expires_in: 600 }));
  const clock = aClock();
  const token = new ClientCredentials({ tokenUrl: server.url, clientId: "é", clientSecret: "s", scope: "jobs:read", clock });
  const client = clientOf(url, { token, clock });
  await Promise.all([client.getJob("a"), client.getJob("b")]);
  assert.equal(server.seen.length, 1);
  assert.equal(server.seen[0]?.body, "grant_type=client_credentials&scope=jobs%3Aread");
  assert.equal(server.seen[0]?.headers.authorization, `Basic ${Buffer.from("é:s").toString("base64")}`);
  clock.advance(539);
  await client.getJob("c");
  assert.equal(server.seen.length, 1);
  clock.advance(1);
  await client.getJob("d");
  assert.deepEqual(seen.map(({ headers }) => headers.authorization), ["Bearer first", "Bearer first", "Bearer first", "Bearer second"]);
});

test("the secret is sent in the form if that is wanted", async (context) => {
  const server = await serving(context, answer(200, { access_token: "t" }));
  const token = new ClientCredentials({ tokenUrl: server.url, clientId: "c", clientSecret: "s&", method: "post", audience: "a" });
  assert.equal(await token.token(), "t");
  assert.equal(server.seen[0]?.body, "grant_type=client_credentials&audience=a&client_id=c&client_secret=s%26");
  assert.equal(server.seen[0]?.headers.authorization, undefined);
});

test("a refused token is fetched once more", async (context) => {
  const server = await serving(context, answer(200, { access_token: "old" }), answer(200, { access_token: "new" }));
  const { url, seen } = await serving(context, problem(401, "unauthenticated"), OK);
  await clientOf(url, { token: new ClientCredentials({ tokenUrl: server.url, clientId: "c", clientSecret: "s" }) }).getJob("j");
  assert.deepEqual(seen.map(({ headers }) => headers.authorization), ["Bearer old", "Bearer new"]);
});

test("an authorization server that is busy is asked again, one that refuses is not", async (context) => {
  const { url } = await serving(context, OK);
  const busy = await serving(context, answer(503), dropped, answer(200, { access_token: "t" }));
  await clientOf(url, { token: new ClientCredentials({ tokenUrl: busy.url, clientId: "c", clientSecret: "s" }) }).retryWorkflow("w");
  assert.equal(busy.seen.length, 3);
  const refusing = await serving(context, answer(401, { error: "invalid_client", error_description: "s3cret" }));
  const token = new ClientCredentials({ tokenUrl: refusing.url, clientId: "c", clientSecret: "s" });
  await assert.rejects(clientOf(url, { token }).getJob("j"), {
    name: "TokenError",
    message: "the authorization server refused: 401 invalid_client",
  });
  assert.equal(refusing.seen.length, 1);
});

test("no error and no description shows a token or a secret", async (context) => {
  const { url } = await serving(context, problem(500, "internal_error"), dropped);
  const credentials = new ClientCredentials({ tokenUrl: url, clientId: "c", clientSecret: "s3cret" });
  const client = clientOf(url, { token: "s3cret", retry: { attempts: 1 } });
  const errors = [await client.getJob("j").catch(String), await client.getJob("j").catch(inspect)];
  assert.equal(errors.length, 2);
  for (const shown of [inspect(client, { depth: 9, showHidden: true }), inspect(credentials, { depth: 9 }), JSON.stringify(client), ...errors]) {
    assert.ok(!String(shown).includes("s3cret"), String(shown));
  }
});
