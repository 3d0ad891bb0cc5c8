/** The filters: what is typed goes to the address, and from there to the API. */
import { useEffect, useState } from "preact/hooks";
import { api, done } from "../../api/client.js";
import { STATES } from "../../format/states.js";
import { fromField, instant, toField } from "../../format/times.js";
import { query, setQuery } from "../../routing/router.js";
import { zone } from "../../shell/clock.js";
import { Input, Select } from "../../ui/field.js";
import { Icon } from "../../ui/icons.js";
import { QueueSelect } from "../../ui/queue-select.js";
import { chips, isOldestFirst, without, type FilterName } from "./filter.js";

const LABELS: Record<FilterName, string> = {
  state: "State",
  type: "Type",
  queue: "Queue",
  tag: "Tag",
  fingerprint: "Fingerprint",
  schedule: "Schedule",
  workflow: "Workflow",
  createdAfter: "Submitted from",
  createdBefore: "Submitted before",
  finishedAfter: "Ended from",
  finishedBefore: "Ended before",
};

function change(name: FilterName, value: string): void {
  setQuery({ [name]: value || null, cursor: null });
}

export function FilterBar() {
  const [isMore, setMore] = useState(false);
  const set = chips(query.value);
  return (
    <search class="filters" id="filters">
      <div class="filters-row">
        <Select label="State" value={query.value.get("state") ?? ""} change={(value) => change("state", value)} options={[["", "Any state"], ...STATES.map((state) => [state, state] as const)]} />
        <TypeField />
        <QueueSelect label="Queue" value={query.value.get("queue") ?? ""} change={(value) => change("queue", value)} none="Any queue" />
        <button type="button" class="button filters-more" aria-expanded={isMore} onClick={() => setMore(!isMore)}>
          <Icon name="filter" />
          {isMore ? "Fewer filters" : "More filters"}
        </button>
      </div>
      {isMore ? <MoreFilters /> : null}
      {set.length ? (
        <ul class="row" aria-label="Filters that are set">
          {set.map(({ name, value }) => (
            <li key={`${name} ${value}`}>
              <button type="button" class="button button-small chip" onClick={() => setQuery({ [name]: without(query.value, name, value), cursor: null })} title="Remove this filter">
                <span class="muted">{LABELS[name]}</span>
                <span class="truncate">{value}</span>
                <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      ) : null}
    </search>
  );
}

/** A text that is a filter once it is left, or Enter is pressed. */
function Draft({ name, placeholder, list }: { name: FilterName; placeholder?: string; list?: readonly string[] }) {
  const set = query.value.get(name) ?? "";
  const [text, setText] = useState(set);
  useEffect(() => setText(set), [set]);
  return (
    <form
      class="draft"
      onSubmit={(event) => {
        event.preventDefault();
        change(name, text.trim());
      }}
      onFocusOut={() => (text.trim() === set ? undefined : change(name, text.trim()))}
    >
      <Input label={LABELS[name]} value={text} change={setText} {...(placeholder ? { placeholder } : {})} {...(list ? { list } : {})} />
    </form>
  );
}

function TypeField() {
  const [names, setNames] = useState<readonly string[]>([]);
  useEffect(() => {
    done(api.GET("/tasks")).then(
      ({ items }) => setNames(items.map(({ name }) => name)),
      () => undefined,
    );
  }, []);
  return <Draft name="type" placeholder="Any task" list={names} />;
}

function MoreFilters() {
  return (
    <div class="filters-row">
      <TagField />
      <Draft name="schedule" placeholder="Name" />
      <Draft name="workflow" placeholder="Id" />
      <TimeField name="createdAfter" />
      <TimeField name="createdBefore" />
      <TimeField name="finishedAfter" />
      <TimeField name="finishedBefore" />
      <Draft name="fingerprint" placeholder="Of an error" />
      <Select
        label="Order"
        value={isOldestFirst(query.value) ? "oldest" : ""}
        change={(value) => setQuery({ order: value || null, cursor: null })}
        options={[
          ["", "Newest first"],
          ["oldest", "Oldest first"],
        ]}
      />
    </div>
  );
}

function TagField() {
  const [text, setText] = useState("");
  function submit(event: Event): void {
    event.preventDefault();
    if (!text.includes(":")) return;
    setQuery({ tag: [...query.value.getAll("tag"), text.trim()], cursor: null });
    setText("");
  }
  return (
    <form class="draft" onSubmit={submit}>
      <Input label="Tag" value={text} change={setText} placeholder="name:value, Enter" />
    </form>
  );
}

type TimeName = "createdAfter" | "createdBefore" | "finishedAfter" | "finishedBefore";

function TimeField({ name }: { name: TimeName }) {
  const set = instant(query.value.get(name));
  return (
    <Input
      label={`${LABELS[name]} (${zone.value})`}
      type="datetime-local"
      value={set === null ? "" : toField(set, zone.value)}
      change={(value) => {
        const ms = fromField(value, zone.value);
        change(name, ms === null ? "" : new Date(ms).toISOString());
      }}
    />
  );
}
