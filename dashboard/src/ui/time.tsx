/** A time as text: relative, with the absolute one on demand; or the other way round. */
import { absolute, instant, relative, short } from "../format/times.js";
import { now, zone } from "../shell/clock.js";

interface TimeProps {
  /** RFC 3339, as the API writes it; null for none. */
  at: string | null | undefined;
  /** Which form stands there; the other one is in the title. */
  form?: "relative" | "absolute" | "both";
  /** What stands there for none. */
  none?: string;
}

export function Time({ at, form = "relative", none = "–" }: TimeProps) {
  const ms = instant(at);
  if (ms === null) return <span class="muted">{none}</span>;
  const near = relative(ms, now.value);
  const whole = absolute(ms, zone.value);
  const text = {
    relative: near,
    absolute: short(ms, now.value, zone.value),
    both: `${short(ms, now.value, zone.value)} (${near})`,
  }[form];
  return (
    <time dateTime={new Date(ms).toISOString()} title={form === "relative" ? whole : `${whole}, ${near}`} class="number">
      {text}
    </time>
  );
}
