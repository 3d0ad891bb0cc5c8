/** The command palette: everything that one can go to or do, found by a few letters; an id goes to its job. */
import { signal } from "@preact/signals";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { pathOf } from "../routing/paths.js";
import { ROOT } from "../routing/root.js";
import { go } from "../routing/router.js";
import { end } from "../session/session.js";
import { Icon, type IconName } from "../ui/icons.js";
import { toggleZone } from "./clock.js";
import { shortcuts } from "./keys.js";
import { found, type Command } from "./matching.js";
import { offeredPages } from "./pages.js";
import { nextTheme } from "./theme.js";

/** Whether it is open. */
export const isOpen = signal(false);

/** Listen to Ctrl+K, or Cmd+K. */
export function listenToPalette(): void {
  addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      isOpen.value = !isOpen.value;
    }
  });
}

function commands(): Command<IconName>[] {
  const pages = offeredPages().map(([name, page]) => ({
    text: `Go to ${page.title}`,
    icon: page.icon,
    keys: `g ${page.key}`,
    run: () => go(pathOf(name)),
  }));
  const states = ["running", "queued", "scheduled", "waiting", "dead"].map((state) => ({
    text: `Show ${state} jobs`,
    icon: "filter" as const,
    run: () => go(pathOf("jobs", null, new URLSearchParams({ state }))),
  }));
  const offered = shortcuts.value
    .filter((each) => !each.keys.startsWith("g ") && each.keys !== "?" && each.keys !== "/")
    .map((each) => ({ text: each.text, icon: "next" as const, keys: each.keys, run: each.run }));
  return [
    ...pages,
    ...offered,
    ...states,
    { text: "Open the API documentation", icon: "next", run: () => location.assign(new URL("docs", ROOT)) },
    { text: "Change the theme", icon: "theme", run: nextTheme },
    { text: "Show times in UTC, or local ones", icon: "clock", run: toggleZone },
    { text: "Sign out", icon: "leave", run: () => end() },
  ];
}

export function Palette() {
  return isOpen.value ? <OpenPalette /> : null;
}

function OpenPalette() {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState("");
  const [index, setIndex] = useState(0);
  const id = useId();
  // Before anything is typed.
  useLayoutEffect(() => dialog.current?.showModal(), []);
  const list: Command<IconName>[] = [
    ...(/^[A-Za-z0-9._:~-]{20,}$/.test(text.trim())
      ? [{ text: `Open job ${text.trim()}`, icon: "jobs" as const, run: () => go(pathOf("jobs", text.trim())) }]
      : []),
    ...found(commands(), text),
  ];
  const at = Math.min(index, list.length - 1);

  function close(): void {
    dialog.current?.close();
    isOpen.value = false;
  }

  function run(command: Command<IconName> | undefined): void {
    close();
    command?.run();
  }

  function onKey(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      const next = (at + step + list.length) % Math.max(list.length, 1);
      setIndex(next);
      document.getElementById(`${id}-${next}`)?.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter") {
      event.preventDefault();
      run(list[at]);
    }
  }

  return (
    <dialog
      ref={dialog}
      class="dialog palette"
      aria-label="Command palette"
      onCancel={close}
      onClick={(event) => (event.target === dialog.current ? close() : undefined)}
    >
      <input
        class="input"
        type="text"
        placeholder="Go to, do, or paste a job's id"
        aria-label="Command"
        role="combobox"
        aria-expanded="true"
        aria-controls={`${id}-list`}
        aria-activedescendant={list.length ? `${id}-${at}` : undefined}
        autocomplete="off"
        autofocus
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setIndex(0);
        }}
        onKeyDown={onKey}
      />
      <ul class="palette-list" id={`${id}-list`} role="listbox" aria-label="Commands">
        {list.map((command, number) => (
          <li
            key={command.text}
            id={`${id}-${number}`}
            class="palette-item"
            role="option"
            aria-selected={number === at}
            onClick={() => run(command)}
            onMouseMove={() => setIndex(number)}
          >
            <Icon name={command.icon} />
            <span class="truncate">{command.text}</span>
            {command.keys ? <kbd>{command.keys}</kbd> : null}
          </li>
        ))}
      </ul>
    </dialog>
  );
}
