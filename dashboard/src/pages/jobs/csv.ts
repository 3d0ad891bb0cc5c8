/** Jobs as CSV (RFC 4180), safe to open in a spreadsheet. Pure. */
import type { Job } from "../../api/types.js";

const COLUMNS = ["id", "type", "state", "priority", "attempt", "maxAttempts", "createdAt", "dueAt", "startedAt", "finishedAt", "schedule"] as const;
// What a spreadsheet takes for a formula: https://owasp.org/www-community/attacks/CSV_Injection
const FORMULA = /^[=+\-@\t\r]/;

/** Return the text of a file. */
export function csvOf(jobs: readonly Job[]): string {
  const rows = jobs.map((job) => [...COLUMNS.map((name) => job[name]), job.error?.type, job.error?.message]);
  return [[...COLUMNS, "errorType", "errorMessage"], ...rows].map((row) => row.map(cell).join(",")).join("\r\n");
}

function cell(value: unknown): string {
  const text = value === null || value === undefined ? "" : String(value);
  const safe = FORMULA.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replace(/"/g, '""')}"` : safe;
}
