/** Keys that work everywhere: registered by whoever has them, listed by `?`. */
import { signal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";

export interface Shortcut {
  /** One key, or two in a row, as in `g j`. */
  keys: string;
  /** What they do. */
  text: string;
  run: () => void;
}

/** How long the second key of a pair is waited for. */
const PAIR_MS = 1500;
const registered = signal<readonly Shortcut[]>([]);

/** The shortcuts of what is on the screen. */
export const shortcuts = registered;

/** Offer shortcuts while a component is shown. */
export function useShortcuts(offered: readonly Shortcut[]): void {
  const latest = useRef(offered);
  latest.current = offered;
  useEffect(() => {
    const mine = latest.current.map((each, number) => ({ ...each, run: () => latest.current[number]?.run() }));
    registered.value = [...registered.value, ...mine];
    return () => {
      registered.value = registered.value.filter((each) => !mine.includes(each));
    };
  }, []);
}

let first: { key: string; at: number } | null = null;

/** Listen to the keys of the whole page. */
export function listenToKeys(): void {
  addEventListener("keydown", (event) => {
    if (isTyping(event) || document.querySelector("dialog[open]")) return;
    const pair = first && event.timeStamp - first.at < PAIR_MS ? `${first.key} ${event.key}` : null;
    first = null;
    const found = registered.value.findLast((each) => each.keys === pair || each.keys === event.key);
    if (found) {
      event.preventDefault();
      found.run();
    } else if (registered.value.some((each) => each.keys.startsWith(`${event.key} `))) {
      first = { key: event.key, at: event.timeStamp };
    }
  });
}

function isTyping(event: KeyboardEvent): boolean {
  if (event.ctrlKey || event.metaKey || event.altKey) return true;
  const target = event.target;
  return target instanceof HTMLElement && target.matches("input:not([type=checkbox]), select, textarea, [contenteditable]");
}
