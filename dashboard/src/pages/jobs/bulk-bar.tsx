/** What can be done with the selected jobs, or with all that match the filters: a bulk operation, counted first. */
import { useState } from "preact/hooks";
import type { Job } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { query } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { ACTIONS, FITS, isSelectable, type BulkAction, type Selection } from "../operations/request.js";
import { LABELS, StartDialog } from "../operations/start-dialog.js";

interface BulkBarProps {
  /** Those that are selected. */
  jobs: readonly Job[];
  /** All jobs of the page are selected. */
  isPage: boolean;
  /** There are further pages. */
  more: boolean;
  /** What match the filters are meant, on whichever page. */
  isAll: boolean;
  selectAll: () => void;
  clear: () => void;
}

export function BulkBar({ jobs, isPage, more, isAll, selectAll, clear }: BulkBarProps) {
  const [action, setAction] = useState<BulkAction | null>(null);
  if (!may("jobs:write")) return null;
  // Of those that were selected one by one, the ones that the action does nothing for are left out, and said to be.
  const fitting = jobs.filter(({ state }) => action !== null && FITS[action].has(state));
  const selection: Selection = isAll ? { query: query.value } : { ids: fitting.map(({ id }) => id) };
  // The dialog stays when what it does takes the jobs out of the list.
  return (
    <>
      {jobs.length || isAll ? (
        <div class="bulk" role="region" aria-label="Selected jobs">
          <strong>{isAll ? "All jobs that match" : `${things(jobs.length, "job")} selected`}</strong>
          {isPage && more && !isAll && isSelectable(query.value) ? (
            <button type="button" class="button button-quiet" onClick={selectAll}>
              Select all that match
            </button>
          ) : null}
          {ACTIONS.map((each) => (
            <button
              type="button"
              key={each}
              class={each === "erase" ? "button button-danger" : "button"}
              disabled={!isAll && !jobs.some(({ state }) => FITS[each].has(state))}
              onClick={() => setAction(each)}
            >
              {LABELS[each]}
            </button>
          ))}
          <button
            type="button"
            class="button button-quiet"
            onClick={clear}
          >
            Clear
          </button>
        </div>
      ) : null}
      {action ? <StartDialog action={action} selection={selection} leftOut={isAll ? 0 : jobs.length - fitting.length} close={() => setAction(null)} begun={clear} /> : null}
    </>
  );
}
