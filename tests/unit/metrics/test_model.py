"""What is counted: each transition adds what docs/reference/metrics.md says, within fixed fields."""

from collections import Counter
from collections.abc import Callable

import pytest

from tests.builders.transitions import MINE, NOW, TIMING, a_job, an_error, running
from whendue.aws_quotas import WRITE_UNIT_BYTES
from whendue.jobs import dependency_transitions as waiting
from whendue.jobs import transitions
from whendue.jobs.failures import failure
from whendue.jobs.model import Job, Policy, item_bytes
from whendue.jobs.rescue_policy import WORKER_LOST
from whendue.jobs.transition import Transition, of_operation
from whendue.metrics.model import (
    BOUNDS_MS,
    BULK,
    ERRORS,
    TIMER,
    UNIQUE,
    Counts,
    adding,
    beginning,
    counted,
    fields_of,
    queue_and_type,
    series_of,
)
from whendue.table.writes import Write, already_done, applied_to

LATER = NOW + 1_234
SERIES = series_of("normal", "demo.greet")


def failed(job: Job, kind: str = "RuntimeError") -> Transition:
    error = failure(job, kind, "it broke", failed_at=LATER)
    return transitions.fail(job, error, LATER + 500, TIMING, draw=0.5)


REDRIVEN = transitions.redrive(transitions.cancel(a_job(), NOW).job, LATER, LATER, TIMING).job
CASES: dict[str, tuple[Transition, dict[str, int]]] = {
    "submit": (transitions.submit(a_job(), TIMING), {"submitted": 1}),
    "claim": (transitions.claim(a_job(), MINE, LATER), {"attempts": 1, "lateness_2": 1, "lateness_ms": 1_234}),
    "claim, early": (transitions.claim(a_job(), MINE, NOW - 1), {"attempts": 1, "lateness_0": 1}),
    "succeed": (
        transitions.succeed(running(), LATER, None),
        {"succeeded": 1, "execution_5": 1, "execution_ms": 1_234},
    ),
    "succeed, without a beginning": (
        transitions.succeed(running(started_at=None), LATER, None),
        {"succeeded": 1, "execution_0": 1},
    ),
    "fail, again": (
        failed(running()),
        {"failed_other": 1, "retried": 1, "execution_5": 1, "execution_ms": 1_234},
    ),
    "fail, for ever": (
        failed(running(policy=Policy(max_attempts=1)), "timeout"),
        {"failed_timeout": 1, "dead": 1, "execution_5": 1, "execution_ms": 1_234},
    ),
    "finish_cancelled": (
        transitions.finish_cancelled(running(), LATER),
        {"cancelled": 1, "execution_5": 1, "execution_ms": 1_234},
    ),
    "lost": (transitions.mark_dead(running(), WORKER_LOST, "it is gone", LATER), {"failed_worker_lost": 1, "dead": 1}),
    "cancel": (transitions.cancel(a_job(), LATER), {"cancelled": 1}),
    "an end that owes news": (transitions.cancel(a_job(has_dependents=True), LATER), {"cancelled": 1}),
    "heartbeat": (transitions.heartbeat(running(), LATER, None), {}),
    "told": (waiting.finish_fan_out(transitions.cancel(a_job(has_dependents=True), LATER).job, LATER, TIMING), {}),
    "an undone redrive": (of_operation(transitions.undo_redrive(REDRIVEN, LATER, "ada"), "o1"), {}),
    "redrive": (transitions.redrive(transitions.cancel(a_job(), NOW).job, LATER, LATER, TIMING), {}),
}


@pytest.mark.parametrize("case", CASES)
def test_a_transition_adds_what_it_stands_for(case: str) -> None:
    """One place says what counts, for all processes."""
    step, wanted = CASES[case]
    sums = +counted(step).sums()
    assert sums == Counter(wanted)
    assert set(sums) <= set(fields_of(SERIES)), "a field that the items lack would never be added to"


def test_an_error_of_a_task_has_no_name_of_its_own() -> None:
    """Names that users choose have no bound."""
    assert an_error(running()).type not in ERRORS
    for error in ERRORS:
        assert counted(failed(running(), error)).numbers[f"failed_{error}"] == 1


def test_a_time_on_a_bound_is_within_it() -> None:
    """Prometheus' `le` is less or equal; what is over the last bound has a bucket, too."""
    bounds = BOUNDS_MS["execution"]
    for time, bucket in [(0, 0), (50, 0), (51, 1), (bounds[-1], len(bounds) - 1), (bounds[-1] + 1, len(bounds))]:
        counts = Counts()
        counts.times_ms["execution"].append(time)
        assert counts.sums()[f"execution_{bucket}"] == 1


def test_a_series_is_named_reversibly() -> None:
    """A type may hold a `#`: it is the last part."""
    assert queue_and_type(series_of("high", "a#b")) == ("high", "a#b")


@pytest.mark.parametrize("write", [adding, beginning])
def test_what_another_process_has_just_written_is_not_taken_for_ours(write: Callable[..., Write]) -> None:
    """Where the item was missing a moment ago, the table's adapter looks what has refused a write: it is there now."""
    mine = write(SERIES, 0, {"attempts": 1}, "mine")
    begun = applied_to(beginning(SERIES, 0, {}, "nobody's"), None)
    assert not already_done(mine, applied_to(write(SERIES, 0, {"attempts": 1}, "theirs"), begun))
    assert already_done(mine, applied_to(mine, begun)), "whose reply was lost"


@pytest.mark.parametrize("series", [SERIES, TIMER, UNIQUE, BULK])
def test_an_item_of_counters_costs_one_write_unit(series: str) -> None:
    """However high the counts get: each batch writes one."""
    item = {"pk": "COUNTER#v1#0", "sk": "jobs#notifications#" + "x" * 64, "mark": "x" * 36}
    full = item | dict.fromkeys(fields_of(series), 999_999_999_999)
    assert item_bytes(full) <= WRITE_UNIT_BYTES
