/** The address is the state: every page and every filter has a link. */
import { computed, signal } from "@preact/signals";
import type { ComponentChildren, JSX } from "preact";
import { match, pathOf, type Match } from "./paths.js";
import { ROOT } from "./root.js";

const address = signal(new URL(location.href));

/** The page that the address names. */
export const route = computed<Match>(() => match(address.value.pathname, ROOT.pathname));

/** The query of the address. */
export const query = computed(() => new URLSearchParams(address.value.search));

addEventListener("popstate", () => {
  address.value = new URL(location.href);
});

/** Go to an address below the API's root, as `pathOf` returns it. */
export function go(target: string, options: { replace?: boolean } = {}): void {
  const to = new URL(target, ROOT);
  if (to.href !== location.href) {
    if (options.replace) history.replaceState(null, "", to);
    else history.pushState(null, "", to);
  }
  const before = address.value.pathname;
  address.value = to;
  if (before !== to.pathname) scrollTo(0, 0);
}

/** Change the query of the page that is shown; a value of null removes its name. */
export function setQuery(changes: Record<string, string | readonly string[] | null>, options: { replace?: boolean } = {}): void {
  const next = new URLSearchParams(query.value);
  for (const [name, value] of Object.entries(changes)) {
    next.delete(name);
    for (const each of value === null ? [] : typeof value === "string" ? [value] : value) {
      if (each !== "") next.append(name, each);
    }
  }
  const { page, parameter } = route.value;
  go(pathOf(page, parameter, next), options);
}

interface LinkProps {
  /** As `pathOf` returns it. */
  to: string;
  class?: string;
  current?: boolean;
  label?: string;
  children: ComponentChildren;
}

/** A link to a page: opened in this one by a plain click, and by the browser otherwise. */
export function Link({ to, class: name, current, label, children }: LinkProps) {
  function follow(event: JSX.TargetedMouseEvent<HTMLAnchorElement>): void {
    if (event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    go(to);
  }
  return (
    <a
      href={new URL(to, ROOT).href}
      class={name}
      onClick={follow}
      aria-label={label}
      aria-current={current ? "page" : undefined}
    >
      {children}
    </a>
  );
}
