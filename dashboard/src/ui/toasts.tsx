/** Messages that say how an action ended. They go by themselves; errors stay until they are closed. */
import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { Icon } from "./icons.js";

interface Toast {
  id: number;
  good: boolean;
  text: ComponentChildren;
}

const SHOWN_MS = 6000;
const toasts = signal<readonly Toast[]>([]);
let latest = 0;

/** Show how an action ended. */
export function toast(text: ComponentChildren, good = true): void {
  const id = ++latest;
  toasts.value = [...toasts.value.slice(-3), { id, good, text }];
  if (good) setTimeout(() => close(id), SHOWN_MS);
}

function close(id: number): void {
  toasts.value = toasts.value.filter((each) => each.id !== id);
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {toasts.value.map(({ id, good, text }) => (
        <div class={good ? "toast" : "toast toast-bad"} key={id}>
          <div>{text}</div>
          <button type="button" class="button button-quiet button-icon button-small" aria-label="Close message" onClick={() => close(id)}>
            <Icon name="close" />
          </button>
        </div>
      ))}
    </div>
  );
}
