"""A bulk is written and sent in pieces side by side: in few rounds, in order, and each with its own errors."""

import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.builders.faults import Counted, Refusing
from tests.builders.world import TENANT, RealTime, World
from whendue.adapters.dynamodb import DynamoStore
from whendue.adapters.sqs import SqsQueue
from whendue.adapters.threads import ThreadRunner
from whendue.engine.ports import WriteResult
from whendue.errors import UnavailableError, UnknownTaskError
from whendue.quotas import BULK_JOBS, SUBMIT_PIECE
from whendue.submission.pieces import SUBMITS_AT_ONCE, pieces, side_by_side
from whendue.submission.request import JobRequest
from whendue.submission.submit import Submitted
from whendue.table.writes import Write

Call = tuple[threading.Thread, str]
PRIORITIES = ("critical", "high", "normal", "low")


class Recorded:
    """A client of AWS that does everything at once, and remembers which thread called what.

    Args:
        calls: thread and operation of each call.
        replies: operation -> what it replies to its arguments.
    """

    def __init__(self, calls: list[Call], **replies: Callable[..., Any]) -> None:
        self._calls = calls
        self._replies = replies

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            self._calls.append((threading.current_thread(), operation))
            return self._replies[operation](**arguments)

        return call


def _written(Statements: Sequence[Any], **_: Any) -> Any:  # noqa: N803 - botocore's name
    assert len(Statements) <= 25
    return {"Responses": [{} for _ in Statements]}


def _sent(Entries: Sequence[Any], **_: Any) -> Any:  # noqa: N803 - botocore's name
    assert len(Entries) <= 10
    return {"Successful": [{"Id": entry["Id"]} for entry in Entries]}


def _submitted(requests: Sequence[JobRequest]) -> tuple[list[object], list[Call]]:
    """Submit by the real adapters on clients that record; return the results and the calls."""
    world, calls = RealTime(), list[Call]()
    store = DynamoStore(
        Recorded(calls, batch_execute_statement=_written, put_item=lambda **_: {}), "table", world.system
    )
    queue = SqsQueue(Recorded(calls, send_message_batch=_sent), {name: name for name in PRIORITIES}, world.system)
    return list(world.build(store, queue).submit.many(TENANT, requests)), calls


def test_a_bulk_of_500_is_seventy_calls_in_seven_rounds() -> None:
    """70 calls one after the other were 70 rounds: as many times the delay of the network."""
    results, calls = _submitted([JobRequest("ok", {}) for _ in range(BULK_JOBS)])
    assert all(isinstance(result, Submitted) for result in results)
    assert Counter(name for _, name in calls) == {"batch_execute_statement": 20, "send_message_batch": 50}
    # The longest that one thread does: two writes, five sends.
    assert max(Counter(thread for thread, _ in calls).values()) <= 7


def test_jobs_of_four_priorities_take_hardly_more_calls() -> None:
    """Messages are sent by queue: pieces of mixed queues would send many batches that are not full."""
    _, calls = _submitted([JobRequest("ok", {}, queue=PRIORITIES[n % 4]) for n in range(BULK_JOBS)])
    sends = Counter(name for _, name in calls)["send_message_batch"]
    assert sends <= 50 + 2 * len(PRIORITIES)


def test_a_single_job_is_two_calls_on_the_callers_thread() -> None:
    """One write, one send, and no thread for them."""
    _, calls = _submitted([JobRequest("ok", {})])
    assert calls == [(threading.current_thread(), "put_item"), (threading.current_thread(), "send_message_batch")]


def test_all_pieces_are_under_way_at_once() -> None:
    """Each waits in its write until all others have begun theirs; one after the other, none would go on."""
    world = RealTime()
    together = threading.Barrier(SUBMITS_AT_ONCE, timeout=30)

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        together.wait()
        return world.table.apply(writes)

    app = world.build(Refusing(world.table, "apply", apply))
    results = app.submit.many(TENANT, [JobRequest("ok", {"n": n}) for n in range(BULK_JOBS)])
    assert all(isinstance(result, Submitted) for result in results)
    assert world.queues.pending("normal") == BULK_JOBS


def test_results_are_in_the_order_of_the_requests() -> None:
    """Whatever pieces they were in, and whichever of them ended first."""
    world = RealTime()
    requests = [JobRequest("ok", {"n": n}, queue=PRIORITIES[n % 4], tags={"n": str(n)}) for n in range(BULK_JOBS)]
    requests[123] = JobRequest("unknown", {})
    results = world.app.submit.many(TENANT, requests)
    assert isinstance(results.pop(123), UnknownTaskError)
    tags = [result.job.tags for result in results if isinstance(result, Submitted)]
    assert tags == [request.tags for request in requests if request.type == "ok"]


@pytest.mark.parametrize("error", [UnavailableError, ZeroDivisionError])
@pytest.mark.parametrize("threads", [True, False])
def test_a_piece_that_fails_takes_no_other_with_it(error: type[Exception], threads: bool) -> None:
    """Its jobs are answered with an error each, and are sent again; the others are accepted."""
    world = RealTime() if threads else World()
    calls: list[str] = []

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        if any(write.job.queue == "low" for write in writes):  # type: ignore[attr-defined]
            raise error
        return world.table.apply(writes)

    app = world.build(Refusing(world.table, "apply", apply), Counted(world.queues, calls))
    queues = ["low"] * SUBMIT_PIECE + ["normal"] * 3 * SUBMIT_PIECE
    results = app.submit.many(TENANT, [JobRequest("ok", {}, queue=queue) for queue in reversed(queues)])
    accepted = [isinstance(result, Submitted) for result in results]
    assert accepted == [True] * 3 * SUBMIT_PIECE + [False] * SUBMIT_PIECE
    assert world.queues.pending("normal") == 3 * SUBMIT_PIECE
    assert calls == ["send"] * 3


def test_pieces_are_as_many_as_may_be_handled_at_once() -> None:
    """More items make larger pieces, never more threads."""
    assert pieces([]) == []
    assert [len(part) for part in pieces(range(SUBMIT_PIECE + 1))] == [SUBMIT_PIECE, 1]
    for number in (1, BULK_JOBS, BULK_JOBS + 1, 20 * BULK_JOBS + 7):
        parts = pieces(range(number))
        assert len(parts) <= SUBMITS_AT_ONCE
        assert [item for part in parts for item in part] == list(range(number))


def test_what_a_piece_raises_is_its_result() -> None:
    """Also what is no Exception; and a piece that does not end is none that has succeeded."""

    def handle(part: Sequence[int]) -> int:
        if part[0] == 1:
            raise SystemExit
        return part[0]

    first, second, third = side_by_side(ThreadRunner(), [[0], [1], [2]], handle)
    assert (first, type(second), third) == (0, SystemExit, 2)


class _Stuck:
    """A runner whose calls never end."""

    def start(self, calls: Sequence[Callable[[], Any]]) -> Any:
        return self

    def wait(self, timeout_s: float) -> list[tuple[int, Any]]:
        return []


def test_a_piece_that_does_not_end_is_unknown() -> None:
    """The caller is not kept waiting for ever: sent again, its jobs are found or stored."""
    [end] = side_by_side(_Stuck(), [[0]], lambda part: part)
    assert isinstance(end, UnavailableError)
