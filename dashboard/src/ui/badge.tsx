/** A state, by its word and its colour. */
import { toneOf, type Tone } from "../format/states.js";

export function Badge({ state, tone }: { state: string; tone?: Tone }) {
  return <span class={`badge tone-${tone ?? toneOf(state)}`}>{state}</span>;
}
