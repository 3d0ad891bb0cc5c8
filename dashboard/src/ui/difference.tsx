/** What will change, before it is saved; or what has changed between two versions. */
import type { ComponentChildren } from "preact";
import { things } from "../format/numbers.js";
import type { Change } from "../format/changes.js";

interface DifferenceProps {
  list: readonly Change[];
  title?: string;
  /** What stands there if nothing differs. */
  none?: string;
  children?: ComponentChildren;
}

export function Difference({ list, title = "What will change", none = "Nothing is changed yet.", children }: DifferenceProps) {
  if (!list.length) return <p class="muted">{none}</p>;
  return (
    <section class="stack-s" aria-label={title}>
      <h3>
        {title}: {things(list.length, "field")}
      </h3>
      <dl class="facts small">
        {list.map(({ name, before, after }) => (
          <>
            <dt key={name}>{name}</dt>
            <dd key={`${name} values`}>
              <del class="mono">{before}</del> → <ins class="mono">{after}</ins>
            </dd>
          </>
        ))}
      </dl>
      {children}
    </section>
  );
}
