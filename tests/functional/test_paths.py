"""The two paths that every job takes, submit and worker, pass through few modules, and through each from top to bottom.

Calls are traced with `sys.setprofile`. Not counted is what stands behind a port of `Runtime` or is used everywhere like
a library, and modules that only hold the values handed along: their types, keys and formats.
"""

import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Final

import whendue
from tests.builders.levels import PURE
from tests.builders.world import TENANT, World
from whendue.jobs.limit_spec import Limit
from whendue.submission.request import JobRequest

MODULES_MAX: Final = 12
ENTRIES_MAX: Final = 2

BEHIND_PORTS: Final = (
    "adapters.",
    "metrics.consumption",
    "metrics.recorder",
    "metrics.usage",
    "notifications.publisher",
    "support.clock",
)
LIBRARY: Final = ("bulkhead", "support.")
VALUES: Final = (
    "engine.message",
    "engine.ports",
    "engine.stage",
    "jobs.model",
    "jobs.transition",
    "metrics.model",
    "submission.request",
    "table.items",
    "table.keys",
    "table.writes",
    # A claimed job and what its task is handed.
    "declarations.context",
    "worker.claimed_job",
)
UNCOUNTED: Final = tuple(f"whendue.{name}" for name in (*BEHIND_PORTS, *LIBRARY, *VALUES))
ROOT: Final = Path(whendue.__file__).parent
# A file's module.
NAMES: Final = {
    str(path): ".".join(("whendue", *path.relative_to(ROOT).with_suffix("").parts)) for path in ROOT.rglob("*.py")
}
# What a job without dependencies, members and limits has nothing to do with.
FOREIGN: Final = (
    "whendue.workflows.",
    "whendue.limits.",
    "whendue.references.",
    "whendue.submission.dependency_edges",
    "whendue.engine.fan_out",
    "whendue.engine.reconcile",
    "whendue.engine.release",
    "whendue.jobs.dependenc",
    "whendue.jobs.members",
)


class Trace:
    """The modules that a call entered, each time that it came from another one."""

    def __init__(self) -> None:
        """Begin outside."""
        self.all: set[str] = set()
        self.entries: Counter[str] = Counter()
        self._stack: list[str] = [""]

    def __call__(self, frame: FrameType, event: str, _: Any) -> None:
        """Follow a call or a return; a callback through an uncounted module does not leave the caller's."""
        if event == "call":
            module = NAMES.get(frame.f_code.co_filename, "")
            self.all |= {module} - {""}
            counted = bool(module) and not module.startswith(UNCOUNTED)
            if counted and module != self._stack[-1]:
                self.entries[module] += 1
            self._stack.append(module if counted else self._stack[-1])
        elif event == "return" and len(self._stack) > 1:
            self._stack.pop()


def traced(call: Callable[[], object]) -> Trace:
    path = Trace()
    sys.setprofile(path)
    try:
        call()
    finally:
        sys.setprofile(None)
    return path


def test_a_plain_submit_is_short_and_enters_each_file_twice_at_most() -> None:
    """Once to plan and once to write; nothing of dependencies, workflows or limits is called or made."""
    world = World()
    world.submit()
    path = traced(lambda: world.app.submit.one(TENANT, JobRequest("ok", {"a": 1})))
    assert "whendue.submission.submit" in path.entries
    assert len(path.entries) <= MODULES_MAX, sorted(path.entries)
    assert {module: count for module, count in path.entries.items() if count > ENTRIES_MAX} == {}
    assert [module for module in path.all if module.startswith(FOREIGN)] == []


def test_a_plain_job_in_a_worker_passes_few_services() -> None:
    """The pure rules of a job's life are not counted here: they are read, not followed."""
    world = World()
    world.task("quiet", lambda payload, ctx: None)
    world.submit("quiet")
    world.work()
    job = world.submit("quiet")
    messages = world.queues.receive("normal")
    path = traced(lambda: world.app.work.handle(messages, world.clock.now_ms() + 60_000))
    assert world.job(job).terminal
    services = path.entries.keys() - PURE
    assert "whendue.worker.processor" in services
    assert len(services) <= MODULES_MAX, sorted(services)
    assert [module for module in path.all if module.startswith(FOREIGN) and module not in PURE] == []


def test_the_trace_sees_modules_that_a_longer_path_passes() -> None:
    """A job with a limit goes through the limiter, and a trace that did not see it would hold nothing."""
    world = World()
    world.submit(limit=Limit(1, None, "k"))
    messages = world.queues.receive("normal")
    path = traced(lambda: world.app.work.handle(messages, world.clock.now_ms() + 60_000))
    assert {"whendue.limits.limiter", "whendue.limits.slots"} <= path.entries.keys()
