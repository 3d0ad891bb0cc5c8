"""One of several items raises in the notifier, in the dead-letter function, or as a record of SQS: it ends alone."""

from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from functions import sqs_batch as records
from tests.builders.exceptions import EXCEPTIONS
from tests.builders.faults import Refusing
from tests.builders.world import World
from whendue.declarations.channel import ChannelConfig
from whendue.engine.message import to_body
from whendue.engine.ports import BatchResult, ReceivedMessage, WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.jobs.model import Job, State
from whendue.worker import dead_letter_consumer as dead_letter


class Plain(ChannelConfig):
    """A configuration of nothing."""


def deliveries_of(*jobs: Job) -> list[ReceivedMessage]:
    return [ReceivedMessage(f"m{n}", f"r{n}", to_body(job), 10, "dead_letter") for n, job in enumerate(jobs)]


def raising_for(word: str, function: Callable[..., Any], error: BaseException) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if any(word in repr(argument) for argument in arguments if not isinstance(argument, Runtime)):
            raise error
        return function(*arguments, **options)

    return call


# --- the dead-letter function -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", EXCEPTIONS)
@pytest.mark.parametrize("stage", ["from_body", "from_item", "mark_dead", "ended_by_loss", "commit", "get", "apply"])
def test_whatever_one_message_given_up_on_raises_is_its_own(
    stage: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The neighbours' jobs are dead with their cause; the message stays in the queue, for people to look at."""
    world = World()
    jobs = [world.submit() for _ in range(3)]
    victim = jobs[1]
    app = world.app
    if stage in ("get", "apply"):
        function = getattr(world.table, stage)
        app = world.build(Refusing(world.table, stage, raising_for(victim.id, function, EXCEPTIONS[error])))
    else:
        planted = raising_for(victim.id, getattr(dead_letter, stage), EXCEPTIONS[error])
        monkeypatch.setattr(dead_letter, stage, planted)
    settled = app.dead_letter.handle(deliveries_of(*jobs))
    assert settled == (["m1"], {"dead": 2, "isolated": 1})
    assert [world.job(job).state for job in jobs] == [State.DEAD, State.PENDING, State.DEAD]
    assert app.bulkhead.take()["isolated_errors"] == 1


def test_a_death_that_the_table_cannot_hold_leaves_its_message() -> None:
    """It would loop for ever otherwise, or be lost."""
    world = World()
    job = world.submit()
    app = world.build(Refusing(world.table, "apply", lambda writes: [WriteResult(WriteStatus.INVALID)]))
    assert app.dead_letter.handle(deliveries_of(job)) == (["m0"], {"isolated": 1})


# --- records of SQS ---------------------------------------------------------------------------------------------------


def record(number: int, **other: Any) -> dict[str, Any]:
    made = {
        "messageId": f"m{number}",
        "receiptHandle": "r",
        "body": "{}",
        "attributes": {"ApproximateReceiveCount": "1"},
        "eventSourceARN": "arn:aws:sqs:eu-west-1:1:normal",
    }
    return {name: value for name, value in (made | other).items() if value is not None}


@pytest.mark.parametrize(
    "odd",
    [
        {"receiptHandle": None},
        {"attributes": {}},
        {"attributes": {"ApproximateReceiveCount": "many"}},
        {"eventSourceARN": 5},
        {"eventSourceARN": "arn:aws:sqs:eu-west-1:1:unknown"},
        {"messageId": None},
    ],
)
def test_a_record_that_nobody_can_read_stays_and_its_neighbours_are_handled(odd: dict[str, Any]) -> None:
    """Without an id there is nothing to report but the batch: an empty one makes Lambda keep all that is left."""
    world = World()
    handled: list[str] = []

    def work(messages: list[ReceivedMessage]) -> BatchResult:
        handled.extend(message.id for message in messages)
        return BatchResult([], Counter())

    event = {"Records": [record(0), record(1, **odd), record(2)]}
    answer = records.handle_batch(world.app, event, _queue, work)
    assert handled == ["m0", "m2"]
    assert answer == {"batchItemFailures": [{"itemIdentifier": "" if "messageId" in odd else "m1"}]}


def _queue(arn: str) -> str:
    return {"normal": "normal"}[arn.rpartition(":")[2]]


@pytest.mark.parametrize("error", EXCEPTIONS)
def test_a_batch_fails_as_a_whole_only_where_nobody_knows_better(error: str) -> None:
    """Every message comes again."""

    def work(messages: list[ReceivedMessage]) -> BatchResult:
        raise EXCEPTIONS[error]

    answer = records.handle_batch(World().app, {"Records": [record(0), record(1)]}, _queue, work)
    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m1"}]}
