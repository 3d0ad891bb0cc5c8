/** One profile: what it sets, its versions and how they differ, and the editor of the next one. */
import { useState } from "preact/hooks";
import { api, done, read } from "../../api/client.js";
import { useLive } from "../../api/live.js";
import type { Profile } from "../../api/types.js";
import { changes } from "../../format/changes.js";
import { duration } from "../../format/times.js";
import { pathOf } from "../../routing/paths.js";
import { go, Link } from "../../routing/router.js";
import { may } from "../../session/session.js";
import { PageHead } from "../../shell/page-head.js";
import type { PageProps } from "../../shell/pages.js";
import { Difference } from "../../ui/difference.js";
import { Confirm } from "../../ui/dialog.js";
import { Select } from "../../ui/field.js";
import { Failed, Loading } from "../../ui/states.js";
import { Time } from "../../ui/time.js";
import { toast } from "../../ui/toasts.js";
import { settingsOf } from "./draft.js";
import { ProfileEditor } from "./editor.js";
import { limitsOf } from "./page.js";

/** As many versions as the API keeps. */
const KEPT = 100;

/** A profile and the ETag that its next version is put with. */
interface Found {
  profile: Profile;
  etag: string | null;
}

export default function ProfilePage({ parameter }: PageProps) {
  const name = parameter ?? "";
  const found = useLive<Found>(
    `profile ${name}`,
    async () => {
      // Its ETag is that of the version: it is kept beside it, for the edit.
      const { data, etag } = await read(api.GET("/profiles/{name}", { params: { path: { name } } }));
      return { data: data && { profile: data, etag }, etag: null };
    },
    "slow",
  );
  if (!found.data) {
    return (
      <>
        <PageHead title={name} />
        <section class="card">{found.problem ? <Failed problem={found.problem} retry={found.refresh} /> : <Loading />}</section>
      </>
    );
  }
  const { profile, etag } = found.data;
  return (
    <>
      <nav class="small crumb" aria-label="Where this is">
        <Link to={pathOf("profiles")}>Profiles</Link>
      </nav>
      <PageHead title={profile.name} badge={<span class="tag">{profile.builtIn ? "built in" : `version ${profile.version}`}</span>}>
        <ProfileActions profile={profile} etag={etag} />
      </PageHead>
      <div class="job-columns">
        <Settings profile={profile} />
        {profile.version ? <Versions profile={profile} etag={etag} /> : null}
      </div>
    </>
  );
}

function Settings({ profile }: { profile: Profile }) {
  const seconds = (value: number | null | undefined) => (value ? duration(value * 1000) : null);
  const { backoff } = profile;
  const rows: [string, string | number | null | undefined][] = [
    ["Attempts", profile.maxAttempts],
    ["Timeout", seconds(profile.timeoutSeconds)],
    ["Lease", seconds(profile.leaseSeconds)],
    ["First retry after", seconds(backoff.baseSeconds)],
    ["Each wait longer by", backoff.factor ? `× ${backoff.factor}` : null],
    ["Longest wait", seconds(backoff.capSeconds)],
    ["Jitter", backoff.jitter],
    ["Never retried", profile.neverRetry?.join(", ")],
    ["Expires", profile.expiresSeconds ? `${seconds(profile.expiresSeconds)} after it is due` : "never"],
    ["Kept after its end", seconds(profile.retentionSeconds)],
    ["Limits", limitsOf(profile)],
    ["Queue", profile.queue ?? profile.priority],
    ["Notifies", profile.notify.join(", ") || "nobody besides those that apply to all jobs"],
    ["Version of a job", profile.follow ? "the newest, at each attempt" : "the one of its submission"],
  ];
  return (
    <section class="card" aria-label="Settings">
      <div class="card-head">
        <h2>What it sets</h2>
        {profile.updatedAt ? (
          <span class="muted small row-end">
            since <Time at={profile.updatedAt} form="both" />
          </span>
        ) : null}
      </div>
      <div class="card-body">
        <dl class="facts">
          {rows.map(([label, value]) => (
            <>
              <dt key={label}>{label}</dt>
              <dd key={`${label} value`} class="wrap-anywhere">
                {value || <span class="muted">the task's, or the default</span>}
              </dd>
            </>
          ))}
        </dl>
      </div>
    </section>
  );
}

function Versions({ profile, etag }: { profile: Profile; etag: string | null }) {
  const newest = profile.version ?? 1;
  const oldest = Math.max(1, newest - KEPT + 1);
  const numbers = Array.from({ length: newest - oldest }, (_, number) => String(newest - 1 - number));
  const [picked, setPicked] = useState<string | null>(null);
  const chosen = picked !== null && numbers.includes(picked) ? picked : (numbers[0] ?? "");
  const [isRestoring, setRestoring] = useState(false);
  const params = { path: { name: profile.name, version: Number(chosen) } };
  const other = useLive<Profile>(chosen ? `profile ${profile.name} ${chosen}` : null, () => read(api.GET("/profiles/{name}/versions/{version}", { params })), "once");
  if (!numbers.length) {
    return (
      <section class="card" aria-label="Versions">
        <div class="card-head">
          <h2>Versions</h2>
        </div>
        <p class="card-body muted">This is the first one. Each edit makes another; the last {KEPT} are kept.</p>
      </section>
    );
  }
  const old = other.loading ? null : other.data;
  return (
    <section class="card" aria-label="Versions">
      <div class="card-head">
        <h2>Versions</h2>
      </div>
      <div class="card-body stack">
        <Select label={`Version ${newest} beside`} value={chosen} change={setPicked} options={numbers.map((each) => [each, `version ${each}`] as const)} />
        {other.problem ? (
          <Failed problem={other.problem} retry={other.refresh} />
        ) : !old ? (
          <Loading lines={3} />
        ) : (
          <>
            <p class="small muted">
              Version {old.version} is of <Time at={old.updatedAt} form="both" />.
            </p>
            <Difference list={between(old, profile)} title={`From version ${old.version} to ${newest}`} none="They set the same." />
            {may("admin") ? (
              <div>
                <button type="button" class="button" onClick={() => setRestoring(true)}>
                  Go back to version {old.version}
                </button>
              </div>
            ) : null}
          </>
        )}
      </div>
      {isRestoring && old ? <ProfileEditor before={profile} etag={etag} from={old} close={() => setRestoring(false)} saved={() => undefined} /> : null}
    </section>
  );
}

function between(old: Profile, profile: Profile) {
  const [one, other] = [settingsOf(old), settingsOf(profile)];
  const none = Object.fromEntries([...Object.keys(one), ...Object.keys(other)].map((name) => [name, null]));
  return changes(one, { ...none, ...other });
}

function ProfileActions({ profile, etag }: { profile: Profile; etag: string | null }) {
  const [action, setAction] = useState<"edit" | "delete" | "copy" | null>(null);
  // What the editor began with: a version that somebody else saves meanwhile is refused, not written over.
  const [begun, setBegun] = useState({ profile, etag });
  if (!may("admin")) return null;
  const close = () => setAction(null);
  const begin = (which: "edit" | "copy") => {
    setBegun({ profile, etag });
    setAction(which);
  };
  return (
    <>
      {profile.builtIn ? null : (
        <button type="button" class="button button-primary" onClick={() => begin("edit")}>
          Edit
        </button>
      )}
      <button type="button" class="button" onClick={() => begin("copy")}>
        Copy
      </button>
      {profile.builtIn ? null : (
        <button type="button" class="button button-danger" onClick={() => setAction("delete")}>
          Delete
        </button>
      )}
      {action === "edit" ? <ProfileEditor before={begun.profile} etag={begun.etag} close={close} saved={() => undefined} /> : null}
      {action === "copy" ? <ProfileEditor before={null} etag={null} from={begun.profile} close={close} saved={(name) => go(pathOf("profiles", name))} /> : null}
      {action === "delete" ? (
        <Confirm
          title="Delete this profile"
          verb="Delete"
          danger
          close={close}
          carryOut={async () => {
            await done(api.DELETE("/profiles/{name}", { params: { path: { name: profile.name } } }));
            toast("Deleted.");
            go(pathOf("profiles"), { replace: true });
          }}
        >
          <p>Jobs that were submitted before keep the policy that they have. Later ones that name it are refused.</p>
        </Confirm>
      ) : null}
    </>
  );
}
