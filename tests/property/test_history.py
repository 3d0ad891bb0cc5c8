"""A job's history is what has been done to it: no more, no less, in order, and its end is its state.

Random steps of the real transitions are written to a table of one job, beside a list of what was done.
"""

from typing import Any, Final

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.builders.samples import TIMING, a_job
from whendue.history.events import ENDS, Event, EventType, checked_change, events_of
from whendue.jobs import transitions
from whendue.jobs.failures import failure
from whendue.jobs.limit_spec import Wait
from whendue.jobs.model import Failure, Job, Policy, State, from_item
from whendue.jobs.transition import Transition
from whendue.quotas import CHANGES_KEPT
from whendue.table.keys import Key, kind_of
from whendue.table.writes import Write, applied_to, holds

Done = tuple[EventType, int, Any]
BY: Final = "alice"


class Life:
    """A job in a table, and what has been done to it."""

    def __init__(self) -> None:
        self.items: dict[Key, dict[str, Any]] = {}
        self.now_ms = 1_800_000_000_000
        job = a_job(created_at=self.now_ms, due_at=self.now_ms, scheduled_at=self.now_ms, policy=Policy(max_attempts=3))
        self.write(transitions.submit(job, TIMING))
        self.done: list[Done] = [(EventType.SUBMITTED, self.now_ms, None)]
        self.lost = 0

    @property
    def job(self) -> Job:
        return from_item(self.items[a_job().key])

    def write(self, step: Transition) -> None:
        def is_written(write: Write) -> bool:
            old = self.items.get(write.key)
            if not all(holds(condition, old) for condition in write.expected):
                return False
            self.items[write.key] = applied_to(write, old)
            return True

        for write in filter(None, (step.first, step.keep)):
            is_written(write)
        assert is_written(step), step.name

    def note(self, kind: EventType, detail: Any = None) -> None:
        self.done.append((kind, self.now_ms, detail))

    def step(self, name: str) -> None:
        """Take a step, if the job's state allows it."""
        self.now_ms += 1
        job = self.job
        allowed = STEPS[name]
        if job.state in allowed:
            getattr(self, name)(job)

    def claim(self, job: Job) -> None:
        if job.claims < job.failures + 3:
            self.write(transitions.claim(job, f"fence-{self.now_ms}", self.now_ms))
            self.note(EventType.STARTED, job.failures + 1)

    def take_over(self, job: Job) -> None:
        """Let another worker take over from one that is gone: of the two, the item shows the last."""
        if job.claims < job.failures + 3:
            self.now_ms = job.lease_until + 1
            self.write(transitions.claim(job, f"fence-{self.now_ms}", self.now_ms))
            self.lost += 1
            self.forget_start()
            self.note(EventType.STARTED, job.failures + 1)

    def mark_dead(self, job: Job) -> None:
        self.now_ms = job.lease_until + 1
        self.write(transitions.mark_dead(job, "worker_lost", "its workers died", self.now_ms))
        self.lost += 1
        self.note(EventType.DEAD)

    def fail(self, job: Job) -> None:
        error = failure(job, "ValueError", "no", failed_at=self.now_ms)
        self.write(transitions.fail(job, error, self.now_ms, TIMING, draw=0.5))
        self.note(EventType.FAILED, job.failures + 1)
        if self.job.terminal:
            self.note(EventType.DEAD)

    def succeed(self, job: Job) -> None:
        self.write(transitions.succeed(job, self.now_ms, "7"))
        self.note(EventType.SUCCEEDED)

    def requeue(self, job: Job) -> None:
        # The run counts as none.
        self.write(transitions.requeue(job, self.now_ms, self.now_ms, TIMING))
        self.forget_start()

    def forget_start(self) -> None:
        assert self.done.pop()[0] is EventType.STARTED

    def defer(self, job: Job) -> None:
        self.write(transitions.defer(job, Wait("rate", "k", 1, self.now_ms, 1), self.now_ms, self.now_ms, TIMING))

    def cancel(self, job: Job) -> None:
        self.write(transitions.cancel(job, self.now_ms, BY))
        self.note(EventType.CANCEL_REQUESTED, BY)
        self.note(EventType.CANCELLED, BY)

    def skip(self, job: Job) -> None:
        # One that has begun is not skipped (limits/overlap.py).
        if job.last is None and not job.claims:
            self.write(transitions.skip(job, "overlapped", "another one runs", self.now_ms))
            self.note(EventType.CANCELLED)

    def end_retries(self, job: Job) -> None:
        self.write(transitions.end_retries(job, "too late", self.now_ms))
        self.note(EventType.DEAD)

    def request_cancel(self, job: Job) -> None:
        self.write(transitions.request_cancel(job, self.now_ms, BY))
        self.note(EventType.CANCEL_REQUESTED, BY)
        job = self.job
        self.now_ms += 1
        self.write(transitions.finish_cancelled(job, self.now_ms))
        self.note(EventType.CANCELLED, BY)

    def expire(self, job: Job) -> None:
        if job.started_at is None:
            self.write(transitions.expire(job, self.now_ms))
            self.note(EventType.EXPIRED)

    def reschedule(self, job: Job) -> None:
        self.write(transitions.reschedule(job, self.now_ms + 5000, job.queue, self.now_ms, TIMING, by=BY))
        self.note(EventType.RESCHEDULED, BY)

    def reprioritise(self, job: Job) -> None:
        queue = "high" if job.queue == "normal" else "normal"
        self.write(transitions.reschedule(job, job.due_at, queue, self.now_ms, TIMING, by=BY))
        self.note(EventType.REPRIORITISED if self.job.due_at == job.due_at else EventType.RESCHEDULED, BY)

    def redrive(self, job: Job) -> None:
        self.write(transitions.redrive(job, self.now_ms, self.now_ms, TIMING, by=BY))
        self.note(EventType.REDRIVEN, BY)

    # --- what is listed ---------------------------------------------------------------------------------------

    def kept(self, kind: str) -> list[dict[str, Any]]:
        return [item for key, item in self.items.items() if kind_of(key.sk) == kind]

    def events(self) -> list[Event]:
        job = self.job
        changes = [checked_change(item) for item in (*self.kept("change"), *([job.change] if job.change else []))]
        names = Failure.__slots__
        failures = [Failure(**{name: item[name] for name in names if name in item}) for item in self.kept("attempt")]
        return events_of(job, changes, [*failures, *([job.last] if job.last else [])])


STEPS: Final[dict[str, tuple[State, ...]]] = {
    "claim": (State.PENDING,),
    "fail": (State.RUNNING,),
    "succeed": (State.RUNNING,),
    "take_over": (State.RUNNING,),
    "mark_dead": (State.RUNNING,),
    "requeue": (State.RUNNING,),
    "defer": (State.PENDING,),
    "cancel": (State.PENDING,),
    "skip": (State.PENDING,),
    "end_retries": (State.PENDING,),
    "request_cancel": (State.RUNNING,),
    "expire": (State.PENDING,),
    "reschedule": (State.PENDING,),
    "reprioritise": (State.PENDING,),
    "redrive": (State.DEAD, State.CANCELLED, State.EXPIRED),
}


def described(event: Event) -> Done:
    return event.type, event.at, event.attempt if event.by is None else event.by


@settings(max_examples=300)
@given(names=st.lists(st.sampled_from(sorted(STEPS)), max_size=60))
def test_the_history_is_what_was_done(names: list[str]) -> None:
    """Nothing is invented, nothing is missing; what was done last is last."""
    life = Life()
    for name in names:
        life.step(name)
        events = life.events()
        assert [described(event) for event in events if event.type is not EventType.LOST] == life.done
        assert sum(event.workers or 0 for event in events) == life.lost
        assert [event.at for event in events] == sorted(event.at for event in events)
        assert [event.position for event in events] == sorted({event.position for event in events})
        assert (events[-1].type in ENDS) == life.job.terminal
        assert (events[-1].type.value == life.job.state.value) == life.job.terminal


def test_the_list_is_bounded() -> None:
    """The first changes are kept, and the last; what lies between is left out, and nothing else moves."""
    life = Life()
    for _ in range(CHANGES_KEPT + 50):
        life.step("reschedule")
    times = [event.at for event in life.events()]
    assert times == [at for _, at, _ in (*life.done[: CHANGES_KEPT + 1], life.done[-1])]
    assert len(life.kept("change")) == CHANGES_KEPT
