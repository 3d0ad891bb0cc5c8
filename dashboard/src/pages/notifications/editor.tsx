/** Creates or changes a subscription; the key of a new one is shown once. */
import { useState } from "preact/hooks";
import { api, done } from "../../api/client.js";
import { refreshAll } from "../../api/live.js";
import { ApiError } from "../../api/problems.js";
import type { Subscription, SubscriptionWithSecret } from "../../api/types.js";
import { changes, type Change } from "../../format/changes.js";
import { Difference } from "../../ui/difference.js";
import { Confirm } from "../../ui/dialog.js";
import { Input, Select, TextArea } from "../../ui/field.js";
import { toast } from "../../ui/toasts.js";
import { bodyOf, CHANNELS, draftOf, EVENTS, settingsOf, withChannel, type Draft } from "./draft.js";

interface EditorProps {
  /** Null for a new one. */
  before: Subscription | null;
  etag: string | null;
  close: () => void;
  saved: (subscription: SubscriptionWithSecret) => void;
}

export function SubscriptionEditor({ before, etag, close, saved }: EditorProps) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(before));
  const set = (change: Partial<Draft>) => setDraft((known) => ({ ...known, ...change }));
  const difference = differenceOf(draft, before);

  async function save(): Promise<void> {
    if ("problem" in difference) throw new ApiError(0, "not_json", `The settings are no JSON: ${difference.problem}`);
    // Nobody else's change is written over, and nothing that is there is replaced by what is meant to be new.
    const header = etag ? { "If-Match": etag } : { "If-None-Match": "*" };
    const made = await done(api.PUT("/subscriptions/{name}", { params: { path: { name: draft.name }, header }, body: bodyOf(draft) }));
    toast("Saved.");
    refreshAll();
    saved(made);
  }

  return (
    <Confirm title={before ? `Edit ${before.name}` : "New subscription"} verb="Save" wide close={close} carryOut={save}>
      <div class="filters-row">
        {before ? null : <Input label="Name" value={draft.name} change={(name) => set({ name })} required pattern="[A-Za-z0-9._\-]+" focus />}
        <Input label="Channel" value={draft.channel} change={(channel) => setDraft((known) => withChannel(known, channel))} list={CHANNELS} required />
        <Select
          label="Applies to"
          value={draft.applies}
          change={(applies) => set({ applies })}
          options={[
            ["all", "all jobs"],
            ["named", "jobs that name it"],
          ]}
        />
      </div>
      <TextArea label="Settings of the channel (JSON)" value={draft.config} change={(config) => set({ config })} problem={"problem" in difference ? difference.problem : null} />
      <fieldset class="group">
        <legend>Events</legend>
        <div class="row events">
          {EVENTS.map((event) => (
            <label class="row" key={event}>
              <input
                type="checkbox"
                class="checkbox"
                checked={draft.events.includes(event)}
                onChange={(change) => set({ events: change.currentTarget.checked ? [...draft.events, event] : draft.events.filter((each) => each !== event) })}
              />
              {event}
            </label>
          ))}
        </div>
      </fieldset>
      <div class="filters-row">
        <Input label="Types" value={draft.types} change={(types) => set({ types })} placeholder="All" />
        <Input label="Priorities" value={draft.priorities} change={(priorities) => set({ priorities })} placeholder="All" />
        <Input label="Schedules" value={draft.schedules} change={(schedules) => set({ schedules })} placeholder="All" />
      </div>
      {before && "changes" in difference ? <Difference list={difference.changes} /> : null}
    </Confirm>
  );
}

function differenceOf(draft: Draft, before: Subscription | null): { changes: Change[] } | { problem: string } {
  try {
    return { changes: changes(before && settingsOf(before), bodyOf(draft)) };
  } catch (thrown) {
    return { problem: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}
