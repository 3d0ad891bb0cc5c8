/** The head of a page: its title, how current it is, and what one can do. */
import type { ComponentChildren } from "preact";
import { pulse } from "../api/live.js";

const WORDS = { live: "Live", slow: "Updated less often", failing: "Not up to date" } as const;

export function PageHead({ title, badge, children }: { title: ComponentChildren; badge?: ComponentChildren; children?: ComponentChildren }) {
  return (
    <div class="page-head">
      <h1>{title}</h1>
      {badge}
      <span class="live" data-live={pulse.value} role="status">
        <span class="live-dot" />
        {WORDS[pulse.value]}
      </span>
      <div class="row row-end">{children}</div>
    </div>
  );
}
