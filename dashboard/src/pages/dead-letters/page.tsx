/** Dead letters: grouped by their error; one is tried first (canary), then the rest follow at a rate, with progress. */
import { useState } from "preact/hooks";
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { DeadLetterGroup, DeadLetters } from "../../api/types.js";
import { count, things } from "../../format/numbers.js";
import { pathOf } from "../../routing/paths.js";
import { Link, query } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { PageHead } from "../../shell/page-head.js";
import { Empty, Failed, Loading, Notice } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { RedriveDialog } from "./redrive-dialog.js";

export default function DeadLettersPage() {
  const list = useLive<DeadLetters>("dead letters", (etag) => read(api.GET("/dead-letters", { headers: unlessSame(etag) })), "slow");
  const [redriving, setRedriving] = useState<DeadLetterGroup | null>(null);
  const wanted = query.value.get("group");
  const groups = [...(list.data?.items ?? [])].sort((one, other) => Number(other.fingerprint === wanted) - Number(one.fingerprint === wanted));
  return (
    <>
      <PageHead title="Dead letters">
        {list.data ? <span class="muted">{things(list.data.jobs, "dead job")}{list.data.cursor ? " and more" : ""}</span> : null}
      </PageHead>
      {list.data?.otherGroups ? <Notice>{things(list.data.otherGroups, "smaller group")} not shown.</Notice> : null}
      {list.problem && !list.data ? (
        <section class="card">
          <Failed problem={list.problem} retry={list.refresh} />
        </section>
      ) : !list.data ? (
        <section class="card">
          <Loading />
        </section>
      ) : groups.length ? (
        <ul class="stack">
          {groups.map((group) => (
            <li key={group.fingerprint}>
              <Group group={group} isWanted={group.fingerprint === wanted} redrive={() => setRedriving(group)} />
            </li>
          ))}
        </ul>
      ) : (
        <section class="card">
          <Empty title="No dead jobs">
            <p>Jobs that have used all their attempts are found here, grouped by their error.</p>
          </Empty>
        </section>
      )}
      {redriving ? <RedriveDialog group={redriving} close={() => setRedriving(null)} /> : null}
    </>
  );
}

function Group({ group, isWanted, redrive }: { group: DeadLetterGroup; isWanted: boolean; redrive: () => void }) {
  return (
    <article class="card dead-group" data-wanted={isWanted} aria-label={`${group.error.type}, ${things(group.count, "job")}`}>
      <div class="card-body stack-s">
        <div class="row">
          <span class="dead-count number">{count(group.count)}</span>
          <h2 class="wrap-anywhere">{group.error.type}</h2>
          {may("jobs:write") ? (
            <button type="button" class="button row-end" onClick={redrive}>
              Redrive…
            </button>
          ) : null}
        </div>
        <p class="wrap-anywhere">{group.error.message}</p>
        <p class="small muted wrap-anywhere">
          {group.error.where ? (
            <>
              <code>{group.error.where}</code> ·{" "}
            </>
          ) : null}
          {group.types.join(", ")} · first <Time at={group.firstAt} /> · last <Time at={group.lastAt} />
        </p>
        <p class="row small">
          <Link to={pathOf("jobs", null, new URLSearchParams({ state: "dead", fingerprint: group.fingerprint }))}>All of them</Link>
          <span class="muted">Some:</span>
          {group.sample.map((id) => (
            <Link key={id} to={pathOf("jobs", id)}>
              <code class="wrap-anywhere">{id}</code>
            </Link>
          ))}
        </p>
      </div>
    </article>
  );
}
