/** Creates a profile, or its next version: checked while it is typed, and with what will change. */
import { useState } from "preact/hooks";
import { api, done } from "../../api/client.js";
import { refreshAll } from "../../api/live.js";
import { ApiError } from "../../api/problems.js";
import type { Profile } from "../../api/types.js";
import { changes } from "../../format/changes.js";
import { Difference } from "../../ui/difference.js";
import { Confirm } from "../../ui/dialog.js";
import { Input, Select } from "../../ui/field.js";
import { QueueSelect } from "../../ui/queue-select.js";
import { toast } from "../../ui/toasts.js";
import { bodyOf, draftOf, JITTERS, NUMBERS, problemsOf, settingsOf, type Draft, type NumberName } from "./draft.js";

interface EditorProps {
  /** The version that is there; null for a new profile. */
  before: Profile | null;
  etag: string | null;
  /** Where the form begins, if not at that version: an older one, or a built-in one. */
  from?: Profile | null;
  close: () => void;
  saved: (name: string) => void;
}

const GROUPS: readonly (readonly [string, readonly NumberName[]])[] = [
  ["Attempts", ["maxAttempts", "timeoutSeconds", "leaseSeconds", "expiresSeconds", "retentionSeconds"]],
  ["Backoff", ["backoff.baseSeconds", "backoff.factor", "backoff.capSeconds"]],
  ["Limits that its jobs share", ["limits.concurrency", "limits.ratePerSecond"]],
];

export function ProfileEditor({ before, etag, from, close, saved }: EditorProps) {
  const [draft, setDraft] = useState<Draft>(() => ({ ...draftOf(from ?? before), name: before?.name ?? "" }));
  const set = (change: Partial<Draft>) => setDraft((known) => ({ ...known, ...change }));
  const problems = problemsOf(draft);
  const difference = before ? changes(filled(settingsOf(before), bodyOf(draft)), filled(bodyOf(draft), settingsOf(before))) : [];

  async function save(): Promise<void> {
    const [wrong] = Object.values(problems);
    if (wrong !== undefined) throw new ApiError(0, "not_valid", "Mend what is marked first.");
    // Nobody else's version is written over, and nothing that is there is replaced by what is meant to be new.
    const header = etag ? { "If-Match": etag } : { "If-None-Match": "*" };
    const { version } = await done(api.PUT("/profiles/{name}", { params: { path: { name: draft.name }, header }, body: bodyOf(draft) }));
    toast(`Saved as version ${version}.`);
    refreshAll();
    saved(draft.name);
  }

  const number = (name: NumberName) => (
    <Input
      key={name}
      label={NUMBERS[name].label}
      value={draft.numbers[name]}
      change={(value) => set({ numbers: { ...draft.numbers, [name]: value } })}
      problem={problems[name] ?? null}
      placeholder={name.startsWith("limits.") ? "No limit" : "Default"}
      numeric
    />
  );

  return (
    <Confirm title={before ? `Edit ${before.name}` : "New profile"} verb={before ? `Save version ${(before.version ?? 0) + 1}` : "Create"} wide close={close} carryOut={save}>
      {before ? null : <Input label="Name" value={draft.name} change={(name) => set({ name })} problem={problems.name ?? null} required focus />}
      {GROUPS.map(([title, names]) => (
        <fieldset class="group" key={title}>
          <legend>{title}</legend>
          <div class="filters-row">
            {names.map(number)}
            {title === "Backoff" ? <Select label="Jitter" value={draft.jitter} change={(jitter) => set({ jitter })} options={[["", "Default"], ...JITTERS.map((each) => [each, each] as const)]} /> : null}
            {title === "Attempts" ? <Input label="Never retried" value={draft.neverRetry} change={(neverRetry) => set({ neverRetry })} problem={problems.neverRetry ?? null} placeholder="Error types" /> : null}
            {title.startsWith("Limits") ? <Input label="Key" value={draft.limitKey} change={(limitKey) => set({ limitKey })} problem={problems.limitKey ?? null} placeholder="The profile's name" /> : null}
          </div>
        </fieldset>
      ))}
      <fieldset class="group">
        <legend>Queue and notifications</legend>
        <div class="filters-row">
          <QueueSelect label="Queue" value={draft.queue} change={(queue) => set({ queue })} none="The task's" />
          <Input label="Notifies" value={draft.notify} change={(notify) => set({ notify })} problem={problems.notify ?? null} placeholder="Subscriptions" />
        </div>
        <label class="row check">
          <input type="checkbox" class="checkbox" checked={draft.follow} onChange={(event) => set({ follow: event.currentTarget.checked })} />
          Each attempt uses the newest version
        </label>
      </fieldset>
      {before ? (
        <Difference list={difference}>
          <p class="small muted">
            {draft.follow ? "Jobs that follow the profile use it from their next attempt on." : "Jobs that were submitted before keep the version that they have; the limits apply to all."}
          </p>
        </Difference>
      ) : null}
    </Confirm>
  );
}

/** A body with null for each field that the other one has alone: what is taken away is a change, too. */
function filled(body: object, other: object): object {
  return { ...Object.fromEntries(Object.keys(other).map((name) => [name, null])), ...body };
}
