/** A choice among the queues of jobs: the four priorities, and the deployment's own. */
import { useEffect, useState } from "preact/hooks";
import { api, done } from "../api/client.js";
import { PRIORITIES } from "../format/states.js";
import { Select } from "./field.js";

interface QueueSelectProps {
  label: string;
  value: string;
  change: (value: string) => void;
  /** What stands for no choice, as in `Any queue`; left out: one is always chosen. */
  none?: string;
}

export function QueueSelect({ label, value, change, none }: QueueSelectProps) {
  const [own, setOwn] = useState<readonly string[]>([]);
  useEffect(() => {
    done(api.GET("/queues")).then(
      ({ items }) => setOwn(items.filter((queue) => queue.own).map(({ name }) => name)),
      // Without the list, the four that every deployment has can be chosen.
      () => undefined,
    );
  }, []);
  const names: string[] = [...PRIORITIES, ...own];
  if (value && !names.includes(value)) names.push(value);
  const options = names.map((name) => [name, name] as const);
  return <Select label={label} value={value} change={change} options={none === undefined ? options : [["", none], ...options]} />;
}
