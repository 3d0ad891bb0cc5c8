/** Paging both ways: the API's cursors lead on; the way back is remembered by the tab. */
import { query, setQuery } from "../../routing/router.js";
import { Select } from "../../ui/field.js";
import { Icon } from "../../ui/icons.js";
import { PAGE_SIZES } from "./filter.js";

const STORED = "whendue.pages";
const KEPT = 200;

/** Cursor of a page -> cursor of the page before it; empty for the first page. */
function remembered(): Map<string, string> {
  try {
    return new Map(JSON.parse(sessionStorage.getItem(STORED) ?? "[]") as [string, string][]);
  } catch {
    return new Map();
  }
}

function remember(cursor: string, before: string): void {
  const pages = remembered().set(cursor, before);
  try {
    sessionStorage.setItem(STORED, JSON.stringify([...pages].slice(-KEPT)));
  } catch {
    // Without storage there is the first page to go back to.
  }
}

interface PagerProps {
  cursor: string | null;
  shown: string;
  oldestFirst?: boolean;
}

export function Pager({ cursor, shown, oldestFirst = false }: PagerProps) {
  const [back, on] = oldestFirst ? ["Older", "Newer"] : ["Newer", "Older"];
  const current = query.value.get("cursor") ?? "";
  const before = current ? remembered().get(current) : undefined;
  function next(): void {
    if (cursor === null) return;
    remember(cursor, current);
    setQuery({ cursor });
  }
  return (
    <nav class="pager" aria-label="Pages of the list">
      <span class="muted">{shown}</span>
      <Select
        label="Per page"
        value={query.value.get("limit") ?? "50"}
        change={(limit) => setQuery({ limit: limit === "50" ? null : limit, cursor: null })}
        options={PAGE_SIZES.map((size) => [size, size] as const)}
      />
      <button type="button" class="button" disabled={!current} onClick={() => setQuery({ cursor: before || null })}>
        <Icon name="previous" />
        {current && before === undefined ? "First page" : back}
      </button>
      <button type="button" class="button" disabled={cursor === null} onClick={next}>
        {on}
        <Icon name="next" />
      </button>
    </nav>
  );
}
