/** Saves the jobs of the page as a file. */
import type { Job } from "../../api/types.js";
import { Icon } from "../../ui/icons.js";
import { csvOf } from "./csv.js";

export function Export({ jobs }: { jobs: readonly Job[] }) {
  function save(): void {
    const url = URL.createObjectURL(new Blob([csvOf(jobs)], { type: "text/csv;charset=utf-8" }));
    const link = document.createElement("a");
    link.href = url;
    link.download = "jobs.csv";
    link.click();
    URL.revokeObjectURL(url);
  }
  return (
    <button type="button" class="button" disabled={!jobs.length} onClick={save} title="Save the jobs of this page as CSV">
      <Icon name="download" />
      Export
    </button>
  );
}
