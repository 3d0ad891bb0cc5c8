/** What went wrong with a request, in words for the reader. */

/** A failed request. */
export class ApiError extends Error {
  /**
   * @param status HTTP status; 0 if there was no answer
   * @param code the API's stable code
   * @param detail for people
   */
  constructor(
    readonly status: number,
    readonly code: string,
    readonly detail: string,
  ) {
    super(detail);
  }
}

interface Said {
  code?: unknown;
  detail?: unknown;
  errors?: unknown;
}

/** Read a problem document; a body that is none becomes one. */
export function problemOf(status: number, body: unknown): ApiError {
  const said: Said = typeof body === "object" && body !== null ? body : {};
  const detail = typeof said.detail === "string" ? said.detail : `The API answered with status ${status}.`;
  const code = typeof said.code === "string" ? said.code : "unknown";
  const places = Array.isArray(said.errors) ? said.errors.map(place).filter(Boolean) : [];
  return new ApiError(status, code, [detail, ...places].join("\n"));
}

function place(error: unknown): string {
  const { where, problem } = (typeof error === "object" && error !== null ? error : {}) as Record<string, unknown>;
  return typeof where === "string" && typeof problem === "string" ? `${where} ${problem}` : "";
}

/** Return what was thrown as a failed request. */
export function asApiError(thrown: unknown): ApiError {
  if (thrown instanceof ApiError) return thrown;
  const detail = "The API cannot be reached. It is tried again by itself.";
  return new ApiError(0, "unreachable", thrown instanceof SyntaxError ? "The API's answer cannot be read." : detail);
}
