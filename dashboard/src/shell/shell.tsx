/** The frame around the pages: navigation, keys, messages. */
import type { ComponentType } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import iconUrl from "../icon.svg";
import { pathOf } from "../routing/paths.js";
import { ROOT } from "../routing/root.js";
import { go, Link, route } from "../routing/router.js";
import { claims, end } from "../session/session.js";
import { Icon } from "../ui/icons.js";
import { Empty, Loading } from "../ui/states.js";
import { Toasts } from "../ui/toasts.js";
import { toggleZone, zone } from "./clock.js";
import { Help, isHelpOpen } from "./help.js";
import { useShortcuts } from "./keys.js";
import { PageHead } from "./page-head.js";
import { isOpen, Palette } from "./palette.js";
import { offeredPages, PAGES, type PageProps } from "./pages.js";
import { nextTheme, theme } from "./theme.js";

export function Shell() {
  useShortcuts([
    ...offeredPages().map(([name, { title, key }]) => ({
      keys: `g ${key}`,
      text: `Go to ${title}`,
      run: () => go(pathOf(name)),
    })),
    { keys: "?", text: "Show the keys", run: () => (isHelpOpen.value = true) },
  ]);
  return (
    <div class="shell">
      <a class="skip" href="#content">
        Skip to the content
      </a>
      <header class="side">
        <Link to={pathOf("overview")} class="brand">
          <img src={iconUrl} alt="" width={28} height={28} />
          whendue
        </Link>
        <Navigation />
        <Foot />
      </header>
      <main class="page" id="content" tabIndex={-1}>
        <CurrentPage />
      </main>
      <Palette />
      <Help />
      <Toasts />
    </div>
  );
}

function Navigation() {
  return (
    <nav class="nav" aria-label="Pages">
      {offeredPages().map(([name, { title, icon, minor }]) => (
        <Link key={name} to={pathOf(name)} current={route.value.page === name} {...(minor ? { class: "nav-minor" } : {})}>
          <Icon name={icon} />
          {title}
        </Link>
      ))}
      {/* On a phone there is no room for all: the palette lists them. */}
      <button type="button" class="nav-more" data-current={PAGES[route.value.page]?.minor} onClick={() => (isOpen.value = true)}>
        <Icon name="more" />
        More
      </button>
    </nav>
  );
}

function Foot() {
  const { tenant, subject } = claims.value;
  return (
    <div class="side-foot">
      <div class="row">
        <button type="button" class="button button-quiet button-icon" title="Command palette (Ctrl K)" aria-label="Command palette" onClick={() => (isOpen.value = true)}>
          <Icon name="search" />
        </button>
        <button type="button" class="button button-quiet button-icon" title={`Theme: ${theme.value}`} aria-label={`Theme: ${theme.value}`} onClick={nextTheme}>
          <Icon name="theme" />
        </button>
        <button type="button" class="button button-quiet button-icon" title={`Times: ${zone.value}`} aria-label={`Times: ${zone.value}`} onClick={toggleZone}>
          <Icon name="clock" />
        </button>
        <button type="button" class="button button-quiet button-icon" title="Sign out" aria-label="Sign out" onClick={() => end()}>
          <Icon name="leave" />
        </button>
      </div>
      <a class="small docs-link" href={new URL("docs", ROOT).href}>
        API documentation
      </a>
      <div class="who">
        <span class="truncate" title={tenant ?? ""}>
          {tenant ?? "no tenant"}
        </span>
        <span class="muted truncate" title={subject ?? ""}>
          {subject ?? ""}
        </span>
      </div>
    </div>
  );
}

function CurrentPage() {
  const { page, parameter } = route.value;
  const entry = Object.hasOwn(PAGES, page) ? PAGES[page] : undefined;
  const load = entry && (parameter !== null ? entry.one : entry.load);
  const [shown, setShown] = useState<{ load: unknown; Page: ComponentType<PageProps> } | null>(null);
  const [failed, setFailed] = useState(false);
  useEffect(() => {
    document.title = `${parameter ?? entry?.title ?? "Not found"} · whendue`;
  }, [entry, parameter]);
  const first = useRef(true);
  useEffect(() => {
    if (!first.current) document.getElementById("content")?.focus({ preventScroll: true });
    first.current = false;
  }, [page, parameter]);
  useEffect(() => {
    let current = true;
    setFailed(false);
    load?.().then(
      ({ default: Page }) => current && setShown({ load, Page }),
      () => current && setFailed(true),
    );
    return () => {
      current = false;
    };
  }, [load]);
  if (!load) {
    return (
      <>
        <PageHead title="Not found" />
        <Empty title="There is no such page" />
      </>
    );
  }
  if (failed) return <Empty title="This page could not be loaded. A newer version may have been deployed: reload." />;
  return shown && shown.load === load ? <shown.Page key={parameter} parameter={parameter} /> : <Loading />;
}
