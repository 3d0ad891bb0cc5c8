/** Paths of the pages, and what of them is a parameter. Pure: `router.ts` has the browser's history. */

/** Where pages begin, below the root of the API: no path of the API begins so. */
export const PAGES = "dashboard";

/** A page and the parameters of its path. */
export interface Match {
  page: string;
  parameter: string | null;
}

/** A link's target: the path below the pages, and the query. */
export function pathOf(page: string, parameter?: string | null, query?: URLSearchParams): string {
  const parts = [PAGES, ...(page === "overview" ? [] : [page]), ...(parameter ? [encodeURIComponent(parameter)] : [])];
  const text = query?.toString();
  return `${parts.join("/")}${text ? `?${text}` : ""}`;
}

/**
 * Return which page a path is of.
 *
 * @param path path of the address, percent-encoded
 * @param root path of the API's root, with a slash at its end
 */
export function match(path: string, root: string): Match {
  const below = path.startsWith(root) ? path.slice(root.length) : path.replace(/^\//, "");
  const parts = below.split("/").filter(Boolean);
  if (parts[0] === PAGES) parts.shift();
  const [page = "overview", parameter] = parts;
  return { page, parameter: parameter === undefined ? null : decoded(parameter) };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
