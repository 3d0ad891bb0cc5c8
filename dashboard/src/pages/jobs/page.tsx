/** All jobs of the tenant: searched by every filter of the API, kept current, and acted on together. */
import { useEffect, useState } from "preact/hooks";
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { JobList } from "../../api/types.js";
import { things } from "../../format/numbers.js";
import { pathOf } from "../../routing/paths.js";
import { go, query, setQuery } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { useShortcuts } from "../../shell/keys.js";
import { PageHead } from "../../shell/page-head.js";
import { Icon } from "../../ui/icons.js";
import { Empty, Failed, Loading, Notice } from "../../ui/states.js";
import { SubmitDialog } from "../job/submit-dialog.js";
import { BulkBar } from "./bulk-bar.js";
import { Export } from "./export.js";
import { chips, filterOf, isOldestFirst, NAMES } from "./filter.js";
import { FilterBar } from "./filter-bar.js";
import { Pager } from "./pager.js";
import { JobTable } from "./table.js";

export default function JobsPage() {
  const filter = filterOf(query.value);
  const key = JSON.stringify(filter);
  const list = useLive<JobList>(`jobs ${key}`, (etag) =>
    read(api.GET("/jobs", { params: { query: filter }, headers: unlessSame(etag) })),
  );
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [isAll, setAll] = useState(false);
  const [active, setActive] = useState(-1);
  const [isSubmitting, setSubmitting] = useState(false);
  useEffect(() => {
    select(new Set());
    setActive(-1);
  }, [key]);
  const jobs = list.data?.items ?? [];

  function move(step: number): void {
    const next = Math.min(Math.max(active + step, 0), jobs.length - 1);
    setActive(next);
    document.querySelector<HTMLElement>(`[data-row="${next}"] a`)?.focus();
  }

  function select(ids: ReadonlySet<string>): void {
    setSelected(ids);
    setAll(false);
  }

  function toggle(id: string | undefined): void {
    if (id === undefined) return;
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    select(next);
  }

  useShortcuts([
    { keys: "/", text: "Search by filters", run: () => document.querySelector<HTMLElement>("#filters select")?.focus() },
    { keys: "j", text: "Next job", run: () => move(1) },
    { keys: "k", text: "Previous job", run: () => move(-1) },
    { keys: "x", text: "Select the job", run: () => toggle(jobs[active]?.id) },
    { keys: "n", text: "Submit a job", run: () => may("jobs:write") && setSubmitting(true) },
  ]);

  return (
    <>
      <PageHead title="Jobs">
        <Export jobs={jobs} />
        {may("jobs:write") ? (
          <button type="button" class="button button-primary" onClick={() => setSubmitting(true)}>
            <Icon name="plus" />
            New job
          </button>
        ) : null}
      </PageHead>
      <FilterBar />
      {list.data?.missing ? (
        <Notice tone="warn">Jobs from before the upgrade of the table are missing until the operator has run “whendue migrate”.</Notice>
      ) : null}
      {list.problem && list.data ? <Notice tone="bad">{list.problem.detail}</Notice> : null}
      <section class="card jobs" aria-label="Jobs" aria-busy={list.loading}>
        {list.problem && !list.data ? (
          <Failed problem={list.problem} retry={list.refresh} />
        ) : !list.data ? (
          <Loading lines={8} />
        ) : jobs.length ? (
          <JobTable jobs={jobs} selected={selected} select={select} stale={list.loading} />
        ) : (
          <Nothing isFiltered={chips(query.value).length > 0} more={list.data.cursor !== null} submit={() => setSubmitting(true)} />
        )}
      </section>
      <Pager cursor={list.data?.cursor ?? null} shown={things(jobs.length, "job")} oldestFirst={isOldestFirst(query.value)} />
      <BulkBar
        key={key}
        jobs={jobs.filter(({ id }) => selected.has(id))}
        isPage={jobs.length > 0 && jobs.every(({ id }) => selected.has(id))}
        more={Boolean(list.data?.cursor || query.value.get("cursor"))}
        isAll={isAll}
        selectAll={() => setAll(true)}
        clear={() => select(new Set())}
      />
      {isSubmitting ? (
        <SubmitDialog close={() => setSubmitting(false)} submitted={(id) => go(pathOf("jobs", id))} />
      ) : null}
    </>
  );
}

function Nothing({ isFiltered, more, submit }: { isFiltered: boolean; more: boolean; submit: () => void }) {
  if (more) return <Empty title="No match in this part of the list">The next page goes on.</Empty>;
  if (isFiltered) {
    return (
      <Empty title="No job matches">
        <button type="button" class="button" onClick={() => setQuery(NO_FILTER)}>
          Remove the filters
        </button>
      </Empty>
    );
  }
  return (
    <Empty title="No jobs yet">
      <p>Jobs appear here as soon as they are submitted, by the API, a client, or by hand.</p>
      {may("jobs:write") ? (
        <button type="button" class="button button-primary" onClick={submit}>
          Submit a job
        </button>
      ) : null}
    </Empty>
  );
}

const NO_FILTER = Object.fromEntries([...NAMES, "cursor"].map((name) => [name, null]));
