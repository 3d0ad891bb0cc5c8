"""Laws of lifetimes over random histories: no live or shown job misses anything of its own, and nothing outlives it.

Delays to the horizon, waits, pauses, retries, redrives, reschedules, workflows, kills, and TTL early, on time and late.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.builders.ageing import BIG, DAY_S, HOUR_S, HUGE, Ageing
from tests.builders.dependencies import after
from tests.builders.faults import Counted, KilledError
from tests.builders.workflows import flow, node
from tests.builders.world import TENANT
from whendue.errors import WhendueError
from whendue.jobs.model import TERMINAL, Job
from whendue.submission.request import JobRequest

PAYLOADS: tuple[dict[str, Any], ...] = ({}, BIG, HUGE)
DELAYS_S = (0, 60, DAY_S, 20 * DAY_S, 70 * DAY_S, 366 * DAY_S)
RETENTIONS_S = (60, DAY_S, 30 * DAY_S)
KEYS = (None, "k", "l")


class History:
    """A world that things happen to.

    Args:
        draw: chooses.
        late_s: of TTL.
    """

    def __init__(self, draw: Callable[[st.SearchStrategy[Any]], Any], late_s: int) -> None:
        self.draw = draw
        self.world = Ageing(late_s, step_s=12 * HOUR_S)
        self.jobs: list[Job] = []

    def one_of(self, *choices: Any) -> Any:
        return self.draw(st.sampled_from(choices))

    def policy(self) -> dict[str, Any]:
        cap_s = self.one_of(1, DAY_S)
        return {
            "retention_s": self.one_of(*RETENTIONS_S),
            "max_attempts": self.one_of(1, 3, 12),
            "base_s": cap_s,
            "cap_s": cap_s,
        }

    def request(self) -> JobRequest:
        payload = self.one_of(*PAYLOADS) | {"fails": self.one_of(True, False, False)}
        delay_s = self.one_of(*DELAYS_S)
        return JobRequest(self.one_of("mail", "flaky"), payload, delay_s=delay_s, policy=self.policy())

    def submit(self) -> None:
        self.accept(replace(self.request(), idempotency_key=self.one_of(*KEYS)))

    def depend(self) -> None:
        if self.jobs:
            dependency = self.one_of(*self.jobs)
            reference = {"ref": {"$from": dependency.id, "default": None}}
            request = self.request()
            on = self.one_of("success", "done")
            payload = request.payload | (reference if on == "success" else {})
            self.accept(replace(request, payload=payload, depends_on=after(dependency, on=on)))

    def workflow(self) -> None:
        nodes = [node("a"), node("b", "ok", {}, "a"), node("c")]
        made = [replace(node, request=self.request()) for node in nodes]
        self.accept(flow(*made, policy=self.policy(), idempotency_key=self.one_of(*KEYS)))

    def accept(self, request: JobRequest) -> None:
        with suppress(WhendueError):
            self.jobs.append(self.world.app.submit.one(TENANT, request).job)

    def redrive(self) -> None:
        self.change(self.world.app.control.redrive)

    def cancel(self) -> None:
        self.change(self.world.app.control.cancel)

    def erase(self) -> None:
        self.change(self.world.app.erasing.erase)

    def reschedule(self) -> None:
        due_at = self.world.clock.now_ms() + 1000 * self.one_of(*DELAYS_S)
        self.change(lambda tenant, job: self.world.app.control.reschedule(tenant, job, due_at, None))

    def change(self, step: Callable[[str, str], object]) -> None:
        if self.jobs:
            with suppress(WhendueError):
                step(TENANT, self.one_of(*self.jobs).id)

    def pause(self) -> None:
        self.world.app.pauses.pause_queue("normal", "why", "ops", None)

    def resume(self) -> None:
        with suppress(WhendueError):
            self.world.app.pauses.resume_queue("normal")

    def kill(self) -> None:
        """A worker or a timer dies at some call."""
        calls = Counted(self.world.table, [], self.draw(st.integers(0, 12)), after=self.one_of(True, False))
        app = self.world.build(calls)
        with suppress(KilledError):
            self.world.tick(app)
            self.world.work(app)

    def wait(self) -> None:
        self.world.age(self.one_of(60, DAY_S, 9 * DAY_S, 40 * DAY_S))

    def end(self) -> None:
        """Let everything end, and all retentions."""
        self.resume()
        self.world.age(3 * DAY_S)
        for job in self.world.all_jobs():
            if job.state not in TERMINAL:
                with suppress(WhendueError):
                    self.world.app.control.cancel(TENANT, job.id)
        self.world.age(2 * DAY_S)
        self.world.step_s = 3 * DAY_S
        self.world.age(66 * DAY_S + self.world.late_s)


STEPS = ("submit", "depend", "workflow", "redrive", "cancel", "erase", "reschedule", "pause", "resume", "kill")


@settings(max_examples=60, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(st.data())
def test_no_job_misses_anything_of_its_own_and_nothing_outlives_its_job(data: st.DataObject) -> None:
    """However it came to be: `Ageing.check` looks at each step."""
    history = History(data.draw, data.draw(st.sampled_from([-5, 0, 3 * DAY_S])))
    for name in data.draw(st.lists(st.sampled_from(["submit", *STEPS, "wait", "wait", "wait", "wait"]), max_size=12)):
        getattr(history, name)()
        history.world.check()
    history.end()
    assert history.world.left() == []
    causes_found = [
        cause for cause in history.world.causes if cause in ("payload_missing", "internal_error", "worker_lost")
    ]
    assert not causes_found
