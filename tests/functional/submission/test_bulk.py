"""A bulk is written and sent in few rounds of calls, side by side; its results are in the order of its requests."""

import math
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from tests.builders.world import TENANT, RealTime
from whendue.adapters.dynamodb.store import DynamoStore
from whendue.adapters.side_by_side import WideQueue, WideStore
from whendue.adapters.sqs import SqsQueue
from whendue.adapters.threads import ThreadPool
from whendue.errors import UnknownTaskError
from whendue.quotas import BULK_JOBS, POOL_THREADS
from whendue.submission.request import JobRequest
from whendue.submission.submit import Submitted

T = TypeVar("T")
PRIORITIES = ("critical", "high", "normal", "low")


class Recorded:
    """A client of AWS that does everything at once, and notes its calls and their threads."""

    def __init__(self, calls: list[tuple[threading.Thread, str]], **replies: Callable[..., Any]) -> None:
        self._calls = calls
        self._replies = replies

    def __getattr__(self, operation: str) -> Any:
        def call(**arguments: Any) -> Any:
            self._calls.append((threading.current_thread(), operation))
            return self._replies[operation](**arguments)

        return call


class CountingPool(ThreadPool):
    """Counts rounds: how many calls have to wait for each other."""

    def __init__(self) -> None:
        super().__init__(POOL_THREADS)
        self.rounds = 0

    def run(self, calls: Sequence[Callable[[], T]]) -> list[T]:
        self.rounds += math.ceil(len(calls) / POOL_THREADS)
        return super().run(calls)


def submitted(requests: Sequence[JobRequest]) -> tuple[list[Any], list[tuple[threading.Thread, str]], int]:
    """Submit by the real adapters on clients that note calls; return the results, the calls and the rounds."""
    world, calls, pool = RealTime(), list[tuple[threading.Thread, str]](), CountingPool()
    written = Recorded(
        calls,
        batch_execute_statement=lambda Statements, **_: {"Responses": [{} for _ in Statements]},  # noqa: N803
        put_item=lambda **_: {},
    )
    sent = Recorded(calls, send_message_batch=lambda Entries, **_: {"Successful": Entries})  # noqa: N803
    store = WideStore(DynamoStore(written, "table", world.system), pool)
    queue = WideQueue(SqsQueue(sent, {name: name for name in PRIORITIES}, world.system), pool)
    results = world.build(store, queue).submit.many(TENANT, requests)
    return list(results), calls, pool.rounds


def test_a_bulk_of_500_is_seventy_calls_in_six_rounds() -> None:
    """One after the other, they would take seventy times the delay of the network."""
    results, calls, rounds = submitted([JobRequest("ok", {}) for _ in range(BULK_JOBS)])
    assert all(isinstance(result, Submitted) for result in results)
    assert Counter(name for _, name in calls) == {"batch_execute_statement": 20, "send_message_batch": 50}
    assert rounds == 6


def test_jobs_of_four_priorities_take_hardly_more_calls() -> None:
    """Messages are sent by queue."""
    _, calls, rounds = submitted([JobRequest("ok", {}, queue=PRIORITIES[n % 4]) for n in range(BULK_JOBS)])
    assert Counter(name for _, name in calls) == {"batch_execute_statement": 20, "send_message_batch": 52}
    assert rounds == 6


def test_a_single_job_is_two_calls_on_the_callers_thread() -> None:
    """One write and one send."""
    _, calls, _ = submitted([JobRequest("ok", {})])
    assert calls == [(threading.current_thread(), "put_item"), (threading.current_thread(), "send_message_batch")]


def test_results_are_in_the_order_of_the_requests() -> None:
    """Whichever call ended first."""
    requests = [JobRequest("ok", {"n": n}, queue=PRIORITIES[n % 4], tags={"n": str(n)}) for n in range(BULK_JOBS)]
    requests[123] = JobRequest("unknown", {})
    results, _, _ = submitted(requests)
    assert isinstance(results.pop(123), UnknownTaskError)
    assert [result.job.tags for result in results] == [request.tags for request in requests if request.type == "ok"]
