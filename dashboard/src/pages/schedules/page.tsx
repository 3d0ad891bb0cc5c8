/** Schedules: when each fires next, and what keeps it from firing. */
import { useState } from "preact/hooks";
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { Schedule, ScheduleList } from "../../api/types.js";
import { pathOf } from "../../routing/paths.js";
import { go, Link, query } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { PageHead } from "../../shell/page-head.js";
import { Badge } from "../../ui/badge.js";
import { Empty, Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { things } from "../../format/numbers.js";
import { Icon } from "../../ui/icons.js";
import { Pager } from "../jobs/pager.js";
import { Editor } from "./editor.js";
import { rhythm } from "./rhythm.js";

const PAGE = 50;

export default function SchedulesPage() {
  const cursor = query.value.get("cursor");
  const [isCreating, setCreating] = useState(false);
  const limit = Number(query.value.get("limit")) || PAGE;
  const list = useLive<ScheduleList>(`schedules ${limit} ${cursor ?? ""}`, (etag) =>
    read(api.GET("/schedules", { params: { query: { limit, ...(cursor ? { cursor } : {}) } }, headers: unlessSame(etag) })),
  );
  return (
    <>
      <PageHead title="Schedules">
        {may("jobs:write") ? (
          <button type="button" class="button button-primary" onClick={() => setCreating(true)}>
            <Icon name="plus" />
            New schedule
          </button>
        ) : null}
      </PageHead>
      {isCreating ? (
        <Editor name={null} close={() => setCreating(false)} saved={(name) => go(pathOf("schedules", name))} />
      ) : null}
      <section class="card" aria-label="Schedules" aria-busy={list.loading}>
        {list.problem && !list.data ? (
          <Failed problem={list.problem} retry={list.refresh} />
        ) : !list.data ? (
          <Loading />
        ) : list.data.items.length ? (
          <ScheduleTable schedules={list.data.items} />
        ) : (
          <Empty title="No schedules">
            <p>A schedule submits a job again and again: by a cron expression, at an interval, or once at a given time.</p>
          </Empty>
        )}
      </section>
      <Pager cursor={list.data?.cursor ?? null} shown={things(list.data?.items.length ?? 0, "schedule")} />
    </>
  );
}

function ScheduleTable({ schedules }: { schedules: readonly Schedule[] }) {
  return (
    <table class="table table-cards schedule-table">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">State</th>
          <th scope="col">When</th>
          <th scope="col">Next fire</th>
          <th scope="col">Runs</th>
        </tr>
      </thead>
      <tbody>
        {schedules.map((schedule) => (
          <tr key={schedule.name}>
            <th scope="row">
              <Link to={pathOf("schedules", schedule.name)}>{schedule.name}</Link>
            </th>
            <td>
              <Badge state={schedule.lastError ? "failing" : schedule.state} {...(schedule.lastError ? { tone: "bad" as const } : {})} />
            </td>
            <td title={rhythm(schedule)}>{rhythm(schedule)}</td>
            <td>
              <Time at={schedule.nextAt} none="none" />
            </td>
            <td>{typeof schedule.job?.["type"] === "string" ? schedule.job["type"] : schedule.workflow ? "a workflow" : "–"}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}
