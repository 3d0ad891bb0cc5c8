/** Creates or changes a schedule: with a preview of its fires, across a change of clocks too, and what will change. */
import { useEffect, useState } from "preact/hooks";
import { api, done, read } from "../../api/client.js";
import { refreshAll } from "../../api/live.js";
import { ApiError, asApiError } from "../../api/problems.js";
import type { Preview, Schedule } from "../../api/types.js";
import { changes, type Change } from "../../format/changes.js";
import { HOUR_MS } from "../../format/times.js";
import { now } from "../../shell/clock.js";
import { Difference } from "../../ui/difference.js";
import { Confirm } from "../../ui/dialog.js";
import { Input, Select, TextArea } from "../../ui/field.js";
import { Loading, Notice } from "../../ui/states.js";
import { toast } from "../../ui/toasts.js";
import { nextClockChange } from "./clock-change.js";
import { bodyOf, draftOf, MISFIRES, OVERLAPS, previewOf, type Draft, type Kind } from "./draft.js";
import { NextFires } from "./next-fires.js";

const SHOWN = 6;
const TYPING_MS = 400;
/** A preview across a change of clocks begins this long before it. */
const BEFORE_CHANGE_MS = 30 * HOUR_MS;
const KINDS: readonly (readonly [Kind, string])[] = [
  ["cron", "by cron"],
  ["every", "at an interval"],
  ["at", "once"],
];
const HINTS: Record<Kind, string> = {
  cron: "minute hour day month weekday; several: one a line",
  every: "an ISO 8601 duration, as in PT15M",
  at: "a time with its offset, as in 2026-12-24T18:00:00Z",
};

interface EditorProps {
  /** Null for a new one. */
  name: string | null;
  close: () => void;
  saved: (name: string) => void;
}

export function Editor({ name, close, saved }: EditorProps) {
  const [before, setBefore] = useState<{ schedule: Schedule | null; etag: string | null } | null>(name === null ? { schedule: null, etag: null } : null);
  const [problem, setProblem] = useState<string | null>(null);
  useEffect(() => {
    if (name === null) return;
    read(api.GET("/schedules/{name}", { params: { path: { name } } })).then(
      ({ data, etag }) => setBefore({ schedule: data, etag }),
      (thrown: unknown) => setProblem(asApiError(thrown).detail),
    );
  }, [name]);
  if (!before) return problem ? <Notice tone="bad">{problem}</Notice> : null;
  return <Form before={before.schedule} etag={before.etag} close={close} saved={saved} />;
}

function Form({ before, etag, close, saved }: { before: Schedule | null; etag: string | null; close: () => void; saved: (name: string) => void }) {
  const [draft, setDraft] = useState<Draft>(() => draftOf(before));
  const set = (change: Partial<Draft>) => setDraft((known) => ({ ...known, ...change }));
  const difference = differenceOf(draft, before);

  async function save(): Promise<void> {
    if ("problem" in difference) throw new ApiError(0, "not_json", `What it runs is no JSON: ${difference.problem}`);
    // Nobody else's change is written over, and nothing that is there is replaced by what is meant to be new.
    const header = etag ? { "If-Match": etag } : { "If-None-Match": "*" };
    await done(api.PUT("/schedules/{name}", { params: { path: { name: draft.name }, header }, body: bodyOf(draft, before) }));
    toast("Saved.");
    refreshAll();
    saved(draft.name);
  }

  return (
    <Confirm title={before ? `Edit ${before.name}` : "New schedule"} verb="Save" wide close={close} carryOut={save}>
      <div class="filters-row">
        {before ? null : <Input label="Name" value={draft.name} change={(name) => set({ name })} required pattern="[A-Za-z0-9._\-]+" focus />}
        <Select label="Fires" value={draft.kind} change={(kind) => set({ kind: kind as Kind })} options={KINDS} />
        <Input label="Time zone" value={draft.timezone} change={(timezone) => set({ timezone })} list={Intl.supportedValuesOf("timeZone")} required />
        <Select label="Overlap" value={draft.overlap} change={(overlap) => set({ overlap })} options={OVERLAPS.map((each) => [each, each] as const)} />
        <Select label="Missed fires" value={draft.misfire} change={(misfire) => set({ misfire })} options={MISFIRES.map((each) => [each, each] as const)} />
      </div>
      <div class="editor-columns">
        <div class="stack">
          <div class="editor-when">
            <TextArea label="When" value={draft.when} change={(when) => set({ when })} hint={HINTS[draft.kind]} />
          </div>
          <TextArea label={before?.workflow ? "Workflow (JSON)" : "Job (JSON)"} value={draft.runs} change={(runs) => set({ runs })} problem={"problem" in difference ? difference.problem : null} />
        </div>
        <PreviewPane draft={draft} before={before} />
      </div>
      {before && "changes" in difference ? (
        <Difference list={difference.changes}>
          <p class="small muted">Jobs that were planned ahead under the definition before do not run.</p>
        </Difference>
      ) : null}
    </Confirm>
  );
}

function differenceOf(draft: Draft, before: Schedule | null): { changes: Change[] } | { problem: string } {
  try {
    return { changes: changes(before, bodyOf(draft, before)) };
  } catch (thrown) {
    return { problem: thrown instanceof Error ? thrown.message : String(thrown) };
  }
}

function PreviewPane({ draft, before }: { draft: Draft; before: Schedule | null }) {
  const [preview, setPreview] = useState<Preview | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isAcross, setAcross] = useState(false);
  const change = nextClockChange(draft.timezone.trim(), Math.floor(now.value / HOUR_MS) * HOUR_MS);
  const from = isAcross && change !== null ? new Date(change - BEFORE_CHANGE_MS).toISOString() : null;
  const asked = JSON.stringify({ ...previewOf(draft, before), limit: SHOWN, ...(from ? { from } : {}) });
  useEffect(() => {
    let current = true;
    const timer = setTimeout(() => {
      done(api.POST("/schedules/preview", { body: JSON.parse(asked) as never })).then(
        (answer) => {
          if (!current) return;
          setPreview(answer);
          setProblem(null);
        },
        (thrown: unknown) => current && setProblem(asApiError(thrown).detail),
      );
    }, TYPING_MS);
    return () => {
      current = false;
      clearTimeout(timer);
    };
  }, [asked]);
  return (
    <section class="card editor-preview" aria-label="Preview">
      <div class="card-head">
        <h3>Preview</h3>
        {change === null ? null : (
          <button type="button" class="button button-small row-end" aria-pressed={isAcross} onClick={() => setAcross(!isAcross)}>
            {isAcross ? "From now" : "Across the next clock change"}
          </button>
        )}
      </div>
      {problem ? (
        <div class="card-body">
          <Notice tone="bad">{problem}</Notice>
        </div>
      ) : preview ? (
        <NextFires items={preview.items} zoneName={draft.timezone} />
      ) : (
        <Loading lines={SHOWN} />
      )}
    </section>
  );
}
