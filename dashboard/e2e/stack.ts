/** The running stack that the browser is driven against, and what is submitted to it for that. */

function setting(name: string): string {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: tests/e2e/test_dashboard.py sets it`);
  return value;
}

/** URL of the API, without a slash at its end. */
export const URL_OF_API = setting("WHENDUE_URL");
/** Where the page keeps its token. */
export const STORED = `whendue.token ${new URL(`${URL_OF_API}/`).pathname}`;
/** A token with all scopes. */
export const TOKEN = setting("WHENDUE_TOKEN");

/** A token that may read only. */
export const READER = setting("WHENDUE_READER");
/** Codes of one-time links, one for each test that needs one. */
export const CODES = setting("WHENDUE_CODES").split(",");
/** Where the deployment believes its issuer to be, on this machine. */
export const ISSUER_PORT = Number(setting("WHENDUE_ISSUER_PORT"));

/** Call the API; throws unless it accepts. */
export async function call<T>(method: string, path: string, body?: unknown, token = TOKEN): Promise<T> {
  const answer = await fetch(`${URL_OF_API}${path}`, {
    method,
    headers: { Authorization: `Bearer ${token}`, ...(body === undefined ? {} : { "Content-Type": "application/json" }) },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const text = await answer.text();
  if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
  return (text ? JSON.parse(text) : undefined) as T;
}

export interface Job {
  id: string;
  state: string;
}

/** Submit a job. */
export function submit(body: Record<string, unknown>): Promise<Job> {
  return call<Job>("POST", "/jobs", body);
}

/** Wait until a job has a state. */
export async function until(id: string, state: string): Promise<Job> {
  for (let tries = 0; tries < 60; tries += 1) {
    const job = await call<Job>("GET", `/jobs/${id}?wait=5`);
    if (job.state === state) return job;
  }
  throw new Error(`${id} did not become ${state}`);
}
