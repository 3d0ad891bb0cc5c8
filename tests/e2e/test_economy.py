"""What a job costs, counted at the wire: calls and write units depend on no machine (docs/operations/cost.md)."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from localstack.deploy.clients import Clients
from tests.builders.waiting import eventually
from tests.e2e.stage import Stage
from whendue.bootstrap.application import App
from whendue.engine.ports import ReceivedMessage
from whendue.submission.request import JobRequest


class Meter:
    """Counts calls and write units of the clients that the services here use."""

    def __init__(self, clients: Clients) -> None:
        self.calls: Counter[str] = Counter()
        self.written = 0.0
        for client in (clients.dynamodb, clients.sqs):
            client.meta.events.register("provide-client-params.*.*", self._ask)
            client.meta.events.register("after-call.*.*", self._note)

    def _ask(self, params: dict[str, Any], model: Any, **_: Any) -> None:
        if "ReturnConsumedCapacity" in model.input_shape.members:
            params["ReturnConsumedCapacity"] = "INDEXES"

    def _note(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        self.calls[model.name] += 1
        if model.name in ("PutItem", "UpdateItem", "BatchExecuteStatement"):
            capacity = parsed.get("ConsumedCapacity") or []
            self.written += sum(
                part["CapacityUnits"] for part in (capacity if isinstance(capacity, list) else [capacity])
            )

    def take(self) -> tuple[Counter[str], float]:
        """Return what was counted since the last time."""
        taken = self.calls, self.written
        self.calls, self.written = Counter(), 0.0
        return taken


@pytest.fixture
def metered(quiet: Stage) -> Iterator[tuple[App, Meter, Stage]]:
    """Run the services here with metered clients, and no other worker."""
    fresh = Stage(quiet.stack, quiet.secret, Clients(quiet.stack.aws_endpoint_url), quiet.home)
    meter = Meter(fresh.clients)
    with quiet.no_workers("normal"):
        yield fresh.app(), meter, fresh


def receive_all(stage: Stage, count: int) -> list[ReceivedMessage]:
    from whendue.adapters.sqs import SqsQueue
    from whendue.support.clock import system_clock

    queue, got = SqsQueue(stage.clients.sqs, stage.stack.queues, system_clock()), list[ReceivedMessage]()
    while len(got) < count:
        got += queue.receive("normal", wait_s=1)
    return got


def greet(n: int = 0, **wanted: Any) -> JobRequest:
    return JobRequest("demo.greet", {"name": f"number {n}"}, **wanted)


def test_a_batch_of_ten_jobs_is_one_claim_call_one_completion_call_and_one_look_at_pauses(
    metered: tuple[App, Meter, Stage], capsys: pytest.CaptureFixture[str]
) -> None:
    """With receive and delete half a call a job; and at most six write units each, from submit to finish.

    Besides, a process reads a tenant's subscriptions every 5 s: here it has just done so.
    """
    app, meter, stage = metered
    app.submit.many("meter", [greet(n) for n in range(10)])
    submitted, written = meter.take()
    deliveries = receive_all(stage, 10)
    app.notifications.known("meter")
    meter.take()
    worked = app.work.handle(deliveries, app.clock.now_ms() + 60_000)
    calls, worked_units = meter.take()
    assert worked.counts["succeeded"] == 10
    assert calls == {"BatchGetItem": 1, "BatchExecuteStatement": 2}
    assert (calls.total() + 2) / 10 <= 0.5
    units = (written + worked_units) / 10
    assert units <= 6
    with capsys.disabled():
        print(f"\nimmediate job: {units:.1f} write units; bulk submit of 10: {dict(submitted)}; work: {dict(calls)}")


def test_counting_a_batch_is_one_call_and_one_write_unit(metered: tuple[App, Meter, Stage]) -> None:
    """Once its items are there; with receive, claim, record and delete it makes half a call a job."""
    app, meter, stage = metered

    def count() -> tuple[Counter[str], float]:
        app.submit.many("meter", [greet(n) for n in range(10)])
        app.work.handle(receive_all(stage, 10), app.clock.now_ms() + 60_000)
        meter.take()
        app.counters.keep(app.metrics.take())
        return meter.take()

    # Each of the counters' shards makes its own first.
    eventually(count, lambda spent: spent == ({"UpdateItem": 1}, 1), every_s=0)


def test_a_single_submit_is_two_calls(metered: tuple[App, Meter, Stage]) -> None:
    """One write, one send; a job for later is one write."""
    app, meter, _ = metered
    job = app.submit.one("meter", greet()).job
    assert meter.take()[0] == {"PutItem": 1, "SendMessageBatch": 1}
    later = app.submit.one("meter", greet(delay_s=3600)).job
    assert meter.take()[0] == {"PutItem": 1}
    for item in (job, later):
        app.control.cancel("meter", item.id)


def test_a_bulk_submit_of_a_hundred_is_at_most_fifteen_calls(metered: tuple[App, Meter, Stage]) -> None:
    """25 writes and 10 messages a call."""
    app, meter, stage = metered
    app.submit.many("meter", [greet(n) for n in range(100)])
    calls, _ = meter.take()
    assert sum(calls.values()) <= 15
    deliveries = receive_all(stage, 100)
    for start in range(0, len(deliveries), 10):
        app.work.handle(deliveries[start : start + 10], app.clock.now_ms() + 60_000)


def test_a_delayed_job_costs_no_more_write_units_than_an_immediate_one(metered: tuple[App, Meter, Stage]) -> None:
    """Promotion writes nothing per job: the cursor is one write per page."""
    app, meter, stage = metered
    shift = [0.0]
    delayed = Stage(stage.stack, stage.secret, stage.clients, stage.home).app(lambda: shift[0])
    shift[0] = -3600
    delayed.submit.many("meter", [greet(n, delay_s=3600) for n in range(100)])
    _, written = meter.take()
    shift[0] = 0
    delayed.tick.run(app.clock.now_ms() + 60_000)
    _, promoted = meter.take()
    deliveries = receive_all(stage, 100)
    meter.take()
    for start in range(0, len(deliveries), 10):
        app.work.handle(deliveries[start : start + 10], app.clock.now_ms() + 60_000)
    _, worked = meter.take()
    assert (written + promoted + worked) / 100 <= 6.5
