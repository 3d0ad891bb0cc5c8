"""AWS on a bad day: throttled, unprocessed, cut off. The adapters ask again, and say so when nobody knows."""

from collections import Counter

import pytest

from tests.builders import wire
from tests.builders.backends import Aws
from tests.builders.samples import LIVE, TIMING, a_job, an_error, insert_of, key_of, listed
from tests.builders.waiting import eventually
from tests.builders.wire import Wire
from whendue.adapters.dynamodb.store import DynamoStore
from whendue.adapters.sqs import SqsQueue
from whendue.adapters.throttle import TRIES
from whendue.engine.ports import Outgoing, ReceivedMessage, WriteStatus
from whendue.errors import OldTableError, UnavailableError
from whendue.jobs import transitions
from whendue.support.clock import ManualClock
from whendue.table.writes import Is, Plus, Write

PASSING = [
    "ResourceNotFoundException",
    "ThrottlingException",
    "ProvisionedThroughputExceededException",
    "InternalServerError",
]


def wired_store(backend: Aws) -> tuple[DynamoStore, Wire]:
    """Put a wire between a fresh table and its store, whose patience takes no time."""
    line = backend.wired("dynamodb")
    return DynamoStore(line, backend.table(), ManualClock().as_clock(), statements=backend.statements), line


def wired_queue(backend: Aws) -> tuple[SqsQueue, Wire]:
    line = backend.wired("sqs")
    url = backend.queue(visibility_s=60)._urls["normal"]
    return SqsQueue(line, {"normal": url}, ManualClock().as_clock()), line


def received(queue: SqsQueue) -> list[ReceivedMessage]:
    return queue.receive("normal", wait_s=1)


def inserts(number: int) -> list[Write]:
    return [insert_of(f"item-{n}") for n in range(number)]


@pytest.mark.parametrize("code", PASSING)
def test_a_throttled_write_is_tried_again(aws_tables: Aws, code: str) -> None:
    """What passes by itself is no error of the caller."""
    store, line = wired_store(aws_tables)
    line.next("put_item", wire.error(code), wire.unreachable)
    [end] = store.apply(inserts(1))
    assert (end.status, line.calls.count("put_item"), line.faults_left) == (WriteStatus.DONE, 3, 0)


def test_a_write_that_stays_throttled_is_unavailable_and_not_done(aws_tables: Aws) -> None:
    """Nobody is told that something was stored when it was not."""
    store, line = wired_store(aws_tables)
    line.next("put_item", *[wire.error("ThrottlingException")] * TRIES)
    [end] = store.apply(inserts(1))
    assert (end.status, line.faults_left) == (WriteStatus.UNAVAILABLE, 0)
    assert store.get([key_of("item-0")]) == [None]


def test_a_write_whose_reply_is_lost_is_done_once(aws_tables: Aws) -> None:
    """A repetition recognises its own work, for inserts and for updates."""
    store, line = wired_store(aws_tables)
    line.next("put_item", wire.lost_reply)
    assert store.apply([transitions.submit(a_job(), TIMING)])[0].done
    line.next("update_item", wire.lost_reply)
    claim = transitions.claim(a_job(), "fence", a_job().due_at)
    assert store.apply([claim])[0].done
    [item] = store.get([a_job().key])
    assert item is not None
    assert (item["claims"], item["fence"], line.faults_left) == (1, "fence", 0)


def test_an_error_that_does_not_pass_is_raised_at_once(aws_tables: Aws) -> None:
    """A missing table or permission is a mistake to be seen, not to be waited for."""
    store, line = wired_store(aws_tables)
    line.next("put_item", wire.error("AccessDeniedException"))
    with pytest.raises(Exception, match="AccessDeniedException"):
        store.apply(inserts(1))
    assert line.calls.count("put_item") == 1


def test_throttled_statements_of_a_batch_are_tried_again_without_the_others(batches: Aws) -> None:
    """Each statement has an outcome of its own."""
    store, line = wired_store(batches)
    line.next("batch_execute_statement", wire.some_statements("ThrottlingError", 1, 3, 4))
    assert [end.status for end in store.apply(inserts(5))] == [WriteStatus.DONE] * 5
    assert None not in store.get([write.key for write in inserts(5)])
    assert (line.calls.count("batch_execute_statement"), line.faults_left) == (2, 0)


def test_statements_that_stay_throttled_are_unavailable_and_their_neighbours_done(batches: Aws) -> None:
    """One hot key does not fail a batch."""
    store, line = wired_store(batches)
    line.next("batch_execute_statement", wire.some_statements("ThrottlingError", 1))
    line.next("batch_execute_statement", *[wire.some_statements("ThrottlingError", 0)] * (TRIES - 1))
    results = store.apply(inserts(3))
    assert [end.status for end in results] == [WriteStatus.DONE, WriteStatus.UNAVAILABLE, WriteStatus.DONE]
    assert store.get([key_of("item-1")]) == [None]


def test_a_batch_whose_reply_is_lost_is_done_once(batches: Aws) -> None:
    """Claims are not counted twice."""
    store, line = wired_store(batches)
    jobs = [a_job(f"job-{n}") for n in range(5)]
    line.next("batch_execute_statement", wire.lost_reply, wire.unreachable)
    assert all(end.done for end in store.apply([transitions.submit(job, TIMING) for job in jobs]))
    line.next("batch_execute_statement", wire.error("InternalServerError", status=500), wire.lost_reply)
    assert all(end.done for end in store.apply([transitions.claim(job, "f", job.due_at) for job in jobs]))
    assert [item and item["claims"] for item in store.get([job.key for job in jobs])] == [1] * 5
    assert line.faults_left == 0


def test_refusals_without_their_items_are_looked_up(batches: Aws) -> None:
    """A batch does not always show what refused: not a duplicate insert's item, on some engines none at all."""
    store, line = wired_store(batches)
    store.apply([insert_of("item-0", n=7), insert_of("item-1", n=7)])
    change = Write("change", key_of("item-1"), [Is("n", 8)], {"n": 9})
    line.next("batch_execute_statement", wire.without_items)
    results = store.apply([insert_of("item-0", n=8), change, insert_of("item-2")])
    assert [(end.status, end.current and end.current["n"]) for end in results] == [
        (WriteStatus.REFUSED, 7),
        (WriteStatus.REFUSED, 7),
        (WriteStatus.DONE, None),
    ]
    line.next("batch_execute_statement", wire.without_items)
    assert all(end.done for end in store.apply([insert_of("item-0", n=7), insert_of("item-2")])), "our own, again"


def test_a_refusal_that_cannot_be_looked_up_is_unavailable(batches: Aws) -> None:
    """It may have been our own write: nobody knows."""
    store, line = wired_store(batches)
    store.apply([insert_of("item-0", n=7)])
    line.next("batch_execute_statement", *[wire.without_items] * TRIES)
    line.next("batch_get_item", *[wire.unreachable] * TRIES * TRIES)
    refused, fresh = store.apply([insert_of("item-0", n=8), insert_of("item-1")])
    assert (refused.status, fresh.status) == (WriteStatus.UNAVAILABLE, WriteStatus.DONE)


def test_unprocessed_keys_are_read_again(aws_tables: Aws) -> None:
    """BatchGetItem may answer in part."""
    store, line = wired_store(aws_tables)
    for write in inserts(7):
        store.apply([write])
    line.next("batch_get_item", wire.first_keys(3), wire.first_keys(0), wire.error("ThrottlingException"))
    assert None not in store.get([write.key for write in inserts(7)])
    assert line.calls.count("batch_get_item") == 4


def test_a_read_that_stays_unprocessed_is_unavailable_never_an_absence(aws_tables: Aws) -> None:
    """`None` would mean that there is no such job."""
    store, line = wired_store(aws_tables)
    store.apply(inserts(1))
    line.next("batch_get_item", *[wire.first_keys(0)] * TRIES)
    with pytest.raises(UnavailableError):
        store.get([key_of("item-0")])


def test_short_pages_of_a_query_are_put_together(aws_tables: Aws) -> None:
    """AWS ends a page after 1 MB, whatever its limit; a short list would be taken for the end."""
    store, line = wired_store(aws_tables)
    for number in range(4):
        store.apply([listed(f"item-{number}", number)])
    line.next("query", wire.short_page, wire.error("ThrottlingException"), wire.short_page)
    entries = store.query_due(LIVE, after=None, until_ms=10, limit=10)
    assert [entry.check_at for entry in entries] == [0, 1, 2, 3]
    assert line.faults_left == 0


def test_a_query_that_stays_throttled_is_unavailable(aws_tables: Aws) -> None:
    """The timer must not take it for an empty due index."""
    store, line = wired_store(aws_tables)
    line.next("query", *[wire.error("ThrottlingException")] * TRIES)
    with pytest.raises(UnavailableError):
        store.query_due(LIVE, after=None, until_ms=10, limit=10)


def test_plus_is_never_repeated_blindly(aws_tables: Aws) -> None:
    """A claim's count rides on its condition, which refuses the second time."""
    store, line = wired_store(aws_tables)
    store.apply([insert_of("item", state="a")])
    line.next("update_item", wire.lost_reply)
    step = Write("step", key_of("item"), [Is("state", "a")], {"state": "b", "n": Plus(1)})
    assert store.apply([step])[0].done
    [item] = store.get([key_of("item")])
    assert item is not None
    assert item["n"] == 2


def test_failed_entries_of_a_send_are_sent_again_alone(aws_services: Aws) -> None:
    """`Failed[]` in a 200 is the failure that is easiest to overlook."""
    queue, line = wired_queue(aws_services)
    line.next("send_message_batch", wire.some_entries("InternalError", 0, 2), wire.error("ThrottlingException"))
    assert queue.send("normal", [Outgoing(f"m{n}", 0) for n in range(3)]) == [True] * 3
    arrived = [message.body for _ in range(3) for message in received(queue)]
    assert Counter(arrived) == Counter(["m0", "m1", "m2"])
    assert line.faults_left == 0


def test_an_entry_that_sqs_calls_our_fault_is_not_sent_again(aws_services: Aws) -> None:
    """It is reported, and its neighbours are not held up."""
    queue, line = wired_queue(aws_services)
    line.next("send_message_batch", wire.some_entries("InvalidMessageContents", 1, sender_fault=True))
    assert queue.send("normal", [Outgoing(f"m{n}", 0) for n in range(3)]) == [True, None, True]
    assert line.calls.count("send_message_batch") == 1


def test_a_send_that_stays_cut_off_is_not_acknowledged(aws_services: Aws) -> None:
    """Whoever sent it must not take it for sent."""
    queue, line = wired_queue(aws_services)
    line.next("send_message_batch", *[wire.unreachable] * TRIES)
    assert queue.send("normal", [Outgoing("m", 0)] * 2) == [False, False]


@pytest.mark.parametrize(
    ("code", "sender_fault"),
    [
        ("ReceiptHandleIsInvalid", True),
        ("InvalidParameterValue", True),
        # LocalStack names the exception of a message that is gone, and calls it its own fault.
        ("InvalidParameterValueException", False),
        ("MessageNotInflight", True),
    ],
)
def test_a_receipt_that_is_no_longer_valid_is_done(aws_services: Aws, code: str, sender_fault: bool) -> None:
    """The message is somebody else's by now, or gone: there is nothing left to do, and nothing is asked again."""
    queue, line = wired_queue(aws_services)
    queue.send("normal", [Outgoing("a", 0)])
    [message] = received(queue)
    for operation in ("delete_message_batch", "change_message_visibility_batch"):
        line.next(operation, wire.some_entries(code, 0, sender_fault=sender_fault))
    queue.change_visibility("normal", [message.receipt], 10)
    queue.delete("normal", [message.receipt])
    line.next("delete_message_batch", wire.error(code))
    queue.delete("normal", [message.receipt])
    assert line.faults_left == 0
    assert line.calls.count("change_message_visibility_batch") == 1
    assert line.calls.count("delete_message_batch") == 2


def test_a_call_that_is_refused_for_one_receipt_does_not_spare_its_neighbours(aws_services: Aws) -> None:
    """Which one is meant is not said: each is asked for alone, and what is there is deleted."""
    queue, line = wired_queue(aws_services)
    assert queue.send("normal", [Outgoing(f"m{n}", 0) for n in range(3)]) == [True] * 3
    taken: list[ReceivedMessage] = []

    def all_three() -> bool:
        taken.extend(received(queue))
        return len(taken) == 3

    eventually(all_three)
    line.next("delete_message_batch", wire.error("ReceiptHandleIsInvalid"), wire.error("ReceiptHandleIsInvalid"))
    queue.delete("normal", [message.receipt for message in taken])
    assert line.calls.count("delete_message_batch") == 4
    assert queue.depth("normal").in_flight == 1, "the one that was refused alone, too"


def test_what_the_queue_keeps_is_said(aws_services: Aws) -> None:
    """A message that could not be deleted comes again; the worker must not count on it being gone."""
    queue, line = wired_queue(aws_services)
    queue.send("normal", [Outgoing("a", 0)])
    [message] = received(queue)
    line.next("delete_message_batch", *[wire.some_entries("InternalError", 0)] * TRIES)
    with pytest.raises(UnavailableError):
        queue.delete("normal", [message.receipt])
    line.next("receive_message", wire.unreachable)
    with pytest.raises(UnavailableError):
        queue.receive("normal")
    line.next("get_queue_attributes", wire.unreachable)
    with pytest.raises(UnavailableError):
        queue.depth("normal")


def test_a_large_send_is_parted_by_size(aws_services: Aws) -> None:
    """Ten messages of 200 KB are more than the 1 MiB that a batch may have."""
    queue, line = wired_queue(aws_services)
    assert queue.send("normal", [Outgoing("x" * 200_000, 0)] * 10) == [True] * 10
    assert line.calls.count("send_message_batch") == 2


def test_capacity_is_observed_call_by_call(aws_tables: Aws) -> None:
    """What we publish about cost is read from here."""
    observed: list[tuple[str, float]] = []
    client = aws_tables.clients.dynamodb
    store = aws_tables.store_on(client, observe=lambda name, units: observed.append((name, units)))
    store.apply(inserts(1))
    store.get([key_of("item-0")])
    assert [name for name, _ in observed] == ["put_item", "batch_get_item"]
    assert observed[0][1] > 0


def test_an_immediate_job_costs_at_most_six_write_units(batches: Aws) -> None:
    """Submit 1 + 2, claim 1, finish 1 + 1: item and indexes. MiniStack counts items alone, AWS's engine all."""
    written: list[float] = []
    store = batches.store_on(batches.clients.dynamodb, observe=lambda _, units: written.append(units))
    submitted = transitions.submit(a_job(), TIMING)
    claimed = transitions.claim(submitted.job, "fence", a_job().due_at)
    for step in (submitted, claimed, transitions.succeed(claimed.job, a_job().due_at, '{"ok":true}')):
        assert store.apply([step])[0].done
    assert written in ([1, 1, 1], [3, 1, 2])


def test_a_dead_job_costs_one_unit_more(batches: Aws) -> None:
    """Its entry moves to those of the dead: it leaves one partition and enters another."""
    written: list[float] = []
    store = batches.store_on(batches.clients.dynamodb, observe=lambda _, units: written.append(units))
    submitted = transitions.submit(a_job(), TIMING)
    claimed = transitions.claim(submitted.job, "fence", a_job().due_at)
    failed = transitions.fail(claimed.job, an_error(claimed.job), a_job().due_at, TIMING, draw=0, final=True)
    for step in (submitted, claimed, failed):
        assert store.apply([step])[0].done
    assert written in ([1, 1, 1], [3, 1, 3])


@pytest.mark.parametrize(
    "message",
    [
        "The table does not have the specified index: due_2",
        "Cannot read from backfilling global secondary index: due_2",
    ],
    ids=["not there", "being filled"],
)
def test_a_table_without_the_due_index_is_one_of_an_earlier_version(aws_tables: Aws, message: str) -> None:
    """It had another name, and held other attributes: the readiness probe says so. The words are DynamoDB's."""
    store, line = wired_store(aws_tables)
    line.next("query", wire.error("ValidationException", message=message))
    with pytest.raises(OldTableError):
        store.query_due("health", after=None, until_ms=0, limit=1)
    assert line.faults_left == 0
