/** Icons: strokes of 24 by 24, drawn for this page. They say nothing that the text beside them does not. */

const PATHS = {
  overview: "M4 13h6V4H4zm0 7h6v-4H4zm10 0h6v-9h-6zm0-16v4h6V4z",
  jobs: "M8 6h12M8 12h12M8 18h12M4 6h.01M4 12h.01M4 18h.01",
  workflows: "M4 5h6v5H4zm10 9h6v5h-6zM10 7.5h4a3 3 0 0 1 3 3V14",
  queues: "M4 7h16M4 12h10M4 17h6",
  operations: "M4 6h9M4 12h6M4 18h6M14 15l3 3 4-6",
  profiles: "M5 8h8m4 0h2M5 16h2m4 0h8M15 6v4M9 14v4",
  notifications: "M6 16V11a6 6 0 0 1 12 0v5l1.5 2h-15zM10 20.5h4",
  tenants: "M9 11a3 3 0 1 0 0-6 3 3 0 0 0 0 6zm-6 8c0-3 2.7-5 6-5s6 2 6 5M16 5a3 3 0 0 1 0 6m2 3.5c1.8.7 3 2.3 3 4.5",
  more: "M5 12h.01M12 12h.01M19 12h.01",
  "dead-letters": "M12 8v5m0 3.5v.01M10.3 3.9 2.6 17.2A2 2 0 0 0 4.3 20h15.4a2 2 0 0 0 1.7-2.8L13.7 3.9a2 2 0 0 0-3.4 0z",
  schedules: "M7 3v3m10-3v3M4 9h16M5 5h14a1 1 0 0 1 1 1v13a1 1 0 0 1-1 1H5a1 1 0 0 1-1-1V6a1 1 0 0 1 1-1z",
  search: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zm5-2 4 4",
  theme: "M12 3a9 9 0 1 0 0 18zM12 3a9 9 0 0 1 0 18",
  clock: "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zm0-14v5l3 2",
  close: "M6 6l12 12M18 6L6 18",
  copy: "M9 9h10v11H9zM5 15V4h10",
  leave: "M15 12H4m0 0 4-4m-4 4 4 4m5-12h6v16h-6",
  next: "M9 6l6 6-6 6",
  previous: "M15 6l-6 6 6 6",
  plus: "M12 5v14M5 12h14",
  download: "M12 4v11m0 0 4-4m-4 4-4-4M5 20h14",
  check: "M5 12l5 5 9-10",
  filter: "M4 5h16l-6 8v6l-4-2v-4z",
} as const;

/** The name of an icon. */
export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      class="icon"
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      stroke-width="1.8"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
