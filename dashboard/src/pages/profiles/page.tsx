/** Profiles: named policies that jobs refer to, those of the tenant and those that are built in. */
import { useState } from "preact/hooks";
import { api, read, unlessSame } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { Profile, ProfileList } from "../../api/types.js";
import { duration } from "../../format/times.js";
import { pathOf } from "../../routing/paths.js";
import { go, Link } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { PageHead } from "../../shell/page-head.js";
import { Icon } from "../../ui/icons.js";
import { Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { ProfileEditor } from "./editor.js";

export default function ProfilesPage() {
  const list = useLive<ProfileList>("profiles", (etag) => read(api.GET("/profiles", { headers: unlessSame(etag) })), "slow");
  const [isCreating, setCreating] = useState(false);
  return (
    <>
      <PageHead title="Profiles">
        {may("admin") ? (
          <button type="button" class="button button-primary" onClick={() => setCreating(true)}>
            <Icon name="plus" />
            New profile
          </button>
        ) : null}
      </PageHead>
      <section class="card" aria-label="Profiles">
        {list.problem && !list.data ? <Failed problem={list.problem} retry={list.refresh} /> : list.data ? <ProfileTable profiles={list.data.items} /> : <Loading />}
      </section>
      {isCreating ? <ProfileEditor before={null} etag={null} close={() => setCreating(false)} saved={(name) => go(pathOf("profiles", name))} /> : null}
    </>
  );
}

function ProfileTable({ profiles }: { profiles: readonly Profile[] }) {
  return (
    <table class="table table-cards profile-table">
      <thead>
        <tr>
          <th scope="col">Name</th>
          <th scope="col">Version</th>
          <th scope="col" class="cell-number">Attempts</th>
          <th scope="col" class="cell-number">Timeout</th>
          <th scope="col">Limits</th>
          <th scope="col">Queue</th>
          <th scope="col">Changed</th>
        </tr>
      </thead>
      <tbody>
        {profiles.map((profile) => (
          <tr key={profile.name}>
            <th scope="row">
              <Link to={pathOf("profiles", profile.name)}>{profile.name}</Link>
            </th>
            <td class="muted">{profile.builtIn ? "built in" : `version ${profile.version}`}</td>
            <td class="cell-number" data-label="attempts">{profile.maxAttempts ?? <Default />}</td>
            <td class="cell-number" data-label="timeout">{profile.timeoutSeconds ? duration(profile.timeoutSeconds * 1000) : <Default />}</td>
            <td data-label="limits">{limitsOf(profile)}</td>
            <td data-label="queue">{profile.queue ?? profile.priority ?? <Default />}</td>
            <td class="muted" data-label="changed">
              <Time at={profile.updatedAt} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Default() {
  return <span class="muted">default</span>;
}

/** Return the limits that the jobs of a profile share, in words. */
export function limitsOf({ limits }: Profile): string {
  const parts = [
    limits?.concurrency ? `${limits.concurrency} at once` : null,
    limits?.ratePerSecond ? `${limits.ratePerSecond} a second` : null,
  ].filter(Boolean);
  return parts.length ? `${parts.join(", ")}${limits?.key ? ` by ${limits.key}` : ""}` : "none";
}
