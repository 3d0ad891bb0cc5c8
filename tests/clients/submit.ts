// What a user of the generated TypeScript client writes; compiled with --strict.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

const [url, token] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl: url, headers: { Authorization: `Bearer ${token}` } });

const body: components["schemas"]["JobBody"] = {
  type: "demo.greet",
  payload: { name: "Ada" },
  delaySeconds: 30,
  retries: 3,
};
const made = await client.POST("/tasks/schedule", { params: { header: { "Idempotency-Key": "from-typescript" } }, body });
if (!made.data) throw new Error(`${made.error.code}: ${made.error.detail}`);
const read = await client.GET("/jobs/{job_id}", { params: { path: { job_id: made.data.id } } });
if (!read.data) throw new Error(`${read.error.code}: ${read.error.detail}`);
const refused = await client.POST("/tasks/schedule", { body: { type: "nobody.knows" } });
if (!refused.error) throw new Error("a task that nobody knows was accepted");
console.log(JSON.stringify([read.data.id, read.data.type, read.data.payload, read.data.maxAttempts, refused.error.code]));
