/** A JSON value, collapsible; long lists and texts are shown in part until they are asked for. */
import { useState } from "preact/hooks";
import { things } from "../format/numbers.js";
import { Copy } from "./copy.js";

const OPEN_DEPTH = 2;
const ENTRIES_SHOWN = 100;
const TEXT_SHOWN = 2000;

export function Json({ value, what }: { value: unknown; what: string }) {
  return (
    <div class="json" role="group" aria-label={what} tabIndex={0}>
      <Value value={value} depth={0} />
    </div>
  );
}

/** The button that copies a JSON value. */
export function CopyJson({ value, what }: { value: unknown; what: string }) {
  return <Copy text={JSON.stringify(value, null, 2) ?? "null"} what={what} />;
}

function Value({ value, depth, name }: { value: unknown; depth: number; name?: string }) {
  if (Array.isArray(value)) {
    return <Container entries={value.map((each, number) => [String(number), each])} kind="item" depth={depth} {...named(name)} />;
  }
  if (typeof value === "object" && value !== null) {
    return <Container entries={Object.entries(value)} kind="field" depth={depth} {...named(name)} />;
  }
  return (
    <div class={depth ? "json-entry" : undefined}>
      <Name name={name} />
      {typeof value === "string" ? <Text text={value} /> : <Word value={value} />}
    </div>
  );
}

function named(name: string | undefined): { name?: string } {
  return name === undefined ? {} : { name };
}

function Name({ name }: { name: string | undefined }) {
  return name === undefined ? null : (
    <>
      <span class="json-name">{name}</span>
      {": "}
    </>
  );
}

function Word({ value }: { value: unknown }) {
  return <span class={typeof value === "number" ? "json-number" : "json-word"}>{String(value)}</span>;
}

function Text({ text }: { text: string }) {
  const [all, setAll] = useState(false);
  const long = text.length > TEXT_SHOWN && !all;
  return (
    <span class="json-text">
      {JSON.stringify(long ? text.slice(0, TEXT_SHOWN) : text)}
      {long ? (
        <button type="button" class="button button-small" onClick={() => setAll(true)}>
          Show all {things(text.length, "character")}
        </button>
      ) : null}
    </span>
  );
}

interface ContainerProps {
  entries: readonly (readonly [string, unknown])[];
  kind: "item" | "field";
  depth: number;
  name?: string;
}

function Container({ entries, kind, depth, name }: ContainerProps) {
  const [open, setOpen] = useState(depth < OPEN_DEPTH);
  const [shown, setShown] = useState(ENTRIES_SHOWN);
  if (!entries.length) {
    return (
      <div class={depth ? "json-entry" : undefined}>
        <Name name={name} />
        {kind === "item" ? "[]" : "{}"}
      </div>
    );
  }
  const left = entries.length - shown;
  return (
    <details class={depth ? "json-entry" : undefined} open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        <Name name={name} />
        <span class="muted">{things(entries.length, kind)}</span>
      </summary>
      {/* What is closed is not drawn: a payload of 1 MiB may have 100,000 entries. */}
      {open ? entries.slice(0, shown).map(([key, value]) => <Value key={key} name={key} value={value} depth={depth + 1} />) : null}
      {open && left > 0 ? (
        <button type="button" class="button button-small" onClick={() => setShown(shown + 10 * ENTRIES_SHOWN)}>
          Show more ({things(left, kind)} left)
        </button>
      ) : null}
    </details>
  );
}
