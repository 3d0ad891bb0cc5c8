/** What is on the screen, kept current: one timer polls all of it together, each by a conditional request. */
import { signal } from "@preact/signals";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Answer } from "./client.js";
import { delay, IDLE_AFTER_MS, takesPart, type Pace } from "./pace.js";
import { asApiError, type ApiError } from "./problems.js";

/** A resource as a page shows it. */
export interface Live<T> {
  /** What was read last; null before. */
  data: T | null;
  /** Why the last read failed; null if it did not. */
  problem: ApiError | null;
  /** Nothing of this key was read yet; `data` may be of the key before. */
  loading: boolean;
  /** Number of times that the data changed. */
  version: number;
  /** Read it again at once. */
  refresh: () => void;
}

/** How the polling goes, for the sign at a page's head. */
export const pulse = signal<"live" | "slow" | "failing">("live");

type Read<T> = (etag: string | null) => Promise<Answer<T>>;

class Resource<T> {
  polls = Number.POSITIVE_INFINITY;
  etag: string | null = null;
  gone = false;
  private reading: Promise<boolean> | null = null;
  private again = false;

  constructor(
    readonly pace: Pace,
    private readonly ask: Read<T>,
    private readonly show: (change: { data: T } | { problem: ApiError } | null) => void,
  ) {}

  /** Read it; return whether that went well. A read that is asked for during another one follows it. */
  async read(): Promise<boolean> {
    if (this.reading) {
      this.again = true;
      return this.reading;
    }
    this.reading = this.once();
    const good = await this.reading;
    this.reading = null;
    if (this.again && !this.gone) {
      this.again = false;
      return this.read();
    }
    return good;
  }

  private async once(): Promise<boolean> {
    this.polls = 0;
    try {
      const answer = await this.ask(this.etag);
      if (this.gone) return true;
      this.etag = answer.etag ?? this.etag;
      this.show(answer.data === null ? null : { data: answer.data });
      return true;
    } catch (thrown) {
      if (this.gone) return true;
      const problem = asApiError(thrown);
      this.show({ problem });
      // What the caller may not see, or is not there, is no fault of the connection.
      return problem.status >= 400 && problem.status < 500 && problem.status !== 429;
    }
  }
}

class Poller {
  private readonly resources = new Set<Resource<never>>();
  private timer: ReturnType<typeof setTimeout> | null = null;
  private failures = 0;
  private seenAt = performance.now();

  constructor() {
    for (const sign of ["pointerdown", "keydown", "wheel", "focus"]) {
      addEventListener(sign, () => this.seen(), { passive: true, capture: true });
    }
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.schedule();
      else this.seen(true);
    });
  }

  add<T>(resource: Resource<T>): () => void {
    this.resources.add(resource as unknown as Resource<never>);
    void resource.read().then((good) => this.settle([good]));
    if (!this.timer) this.schedule();
    return () => {
      resource.gone = true;
      this.resources.delete(resource as unknown as Resource<never>);
    };
  }

  /** Poll all at once: something was changed. */
  refresh(): void {
    for (const resource of this.resources) resource.polls = Number.POSITIVE_INFINITY;
    void this.poll();
  }

  private seen(shown = false): void {
    const idleMs = performance.now() - this.seenAt;
    this.seenAt = performance.now();
    if (shown || idleMs >= IDLE_AFTER_MS) void this.poll();
  }

  private async poll(): Promise<void> {
    if (this.timer) clearTimeout(this.timer);
    this.timer = null;
    const due = [...this.resources].filter((resource) => takesPart(resource.pace, ++resource.polls));
    const ends = await Promise.all(due.map((resource) => resource.read()));
    this.settle(ends);
    this.schedule();
  }

  private settle(ends: readonly boolean[]): void {
    if (ends.length) this.failures = ends.includes(false) ? this.failures + 1 : 0;
    pulse.value = this.failures ? "failing" : performance.now() - this.seenAt < IDLE_AFTER_MS ? "live" : "slow";
  }

  private schedule(): void {
    if (this.timer) clearTimeout(this.timer);
    const circumstances = { hidden: document.hidden, idleMs: performance.now() - this.seenAt, failures: this.failures };
    const ms = delay(circumstances);
    this.timer = ms === null ? null : setTimeout(() => void this.poll(), ms);
  }
}

const poller = new Poller();

/** Read everything on the screen again: something was changed. */
export function refreshAll(): void {
  poller.refresh();
}

/**
 * Keep a resource current while a component shows it.
 *
 * @param key names it; another key is another resource. Null: nothing is read.
 * @param ask reads it
 * @param pace how often
 */
export function useLive<T>(key: string | null, ask: Read<T>, pace: Pace = "live"): Live<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; problem: ApiError | null; version: number }>({
    key: null,
    data: null,
    problem: null,
    version: 0,
  });
  const resource = useRef<Resource<T> | null>(null);
  const asked = useRef(ask);
  asked.current = ask;
  useEffect(() => {
    if (key === null) return undefined;
    const made = new Resource<T>(pace, (etag) => asked.current(etag), (change) => {
      setState((before) => {
        if (change === null) return before.problem || before.key !== key ? { ...before, key, problem: null } : before;
        if ("problem" in change) return { ...before, key, problem: change.problem };
        return { key, data: change.data, problem: null, version: before.version + 1 };
      });
    });
    resource.current = made;
    return poller.add(made);
  }, [key, pace]);
  return {
    data: state.data,
    problem: state.key === key ? state.problem : null,
    loading: key !== null && state.key !== key,
    version: state.version,
    refresh: () => void resource.current?.read(),
  };
}
