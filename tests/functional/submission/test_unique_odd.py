"""Odd unique keys: whatever is sent or stored, no neighbour is harmed, and no key is held for ever."""

import json
from typing import Any

import pytest

from tests.builders.api import a_token, api_of
from tests.builders.faults import Counted
from tests.builders.gateway import Client
from tests.builders.world import TENANT, World
from whendue.errors import InvalidRequestError, UnreadableError, WhendueError
from whendue.jobs.model import Job
from whendue.quotas import PAYLOAD_BYTES, UNIQUE_KEY_BYTES, UNIQUE_PATH_BYTES
from whendue.submission.request import JobRequest, UniqueRequest
from whendue.submission.submit import Submitted
from whendue.submission.unique_jobs import find_holder
from whendue.submission.unique_policy import unique_name
from whendue.table.keys import unique_key

DAY_S = 86_400


def asked(payload: Any = None, *, delay_s: float = 60, **unique: Any) -> JobRequest:
    named = unique if "by_payload" in unique else {"key": "k"} | unique
    return JobRequest("ok", payload or {}, delay_s=delay_s, unique=UniqueRequest(**named))


def submit(world: World, request: JobRequest) -> Submitted:
    return world.app.submit.one(TENANT, request)


@pytest.mark.parametrize(
    ("key", "other"),
    [
        ("ü" * UNIQUE_KEY_BYTES, "ü" * (UNIQUE_KEY_BYTES - 1)),
        ("é", "e\u0301"),
        ("a", "A"),
        (" a", "a"),
        ("😀", "😁"),
        ('","key","', "key"),
        ("#", "holder"),
    ],
)
def test_keys_are_the_same_only_if_each_of_their_characters_is(key: str, other: str) -> None:
    """Nothing is cut, folded or split."""
    world = World()
    first = submit(world, asked(key=key))
    assert submit(world, asked(key=other)).created
    assert submit(world, asked(key=key)).job.id == first.job.id


@pytest.mark.parametrize(
    ("payload", "other"),
    [
        ({"a": 1}, {"a": True}),
        ({"a": 1.0}, {"a": True}),
        ({"a": 0}, {"a": False}),
        ({"a": 0}, {"a": None}),
        ({"a": 1}, {"a": 1.5}),
        ({"a": 2**53}, {"a": 2**53 + 1}),
        ({"a": "1"}, {"a": 1}),
        ({"a": None}, {"a": "null"}),
        ({"a": []}, {"a": {}}),
        ({"a": 10**30}, {"a": 10**30 + 1}),
    ],
)
def test_values_are_the_same_only_if_their_json_is(payload: Any, other: Any) -> None:
    """So a key means one thing, and never the wrong job."""
    world = World()
    first = submit(world, asked(payload, by_payload=("a",)))
    assert submit(world, asked(other, by_payload=("a",))).created
    assert submit(world, asked(payload, by_payload=("a",))).job.id == first.job.id


@pytest.mark.parametrize(
    ("payload", "other"),
    [
        ("1", "1.0"),
        ("0", "-0"),
        ("0", "-0.0"),
        ("0.0", "0e5"),
        ("1e2", "100"),
        ("0.1", "1e-1"),
        ('{"b": [1, {"c": 2.0}]}', '{"b": [1.0, {"c": 2}]}'),
        ("18446744073709549568", "18446744073709549568.0"),
    ],
)
@pytest.mark.parametrize("paths", [["a"], []], ids=["a place", "the whole payload"])
def test_numbers_that_are_equal_are_one_key_however_they_are_written(
    payload: str, other: str, paths: list[str]
) -> None:
    """JSON has one kind of numbers: a client in another language writes 1 as 1.0. Over HTTP, as it is parsed there."""
    client = Client(api_of(World()), a_token())

    def body(value: str) -> str:
        return f'"type":"ok","payload":{{"a":{value}}},"unique":{{"byPayload":{json.dumps(paths)}}}}}'

    first, same = (client.send("POST", "/jobs", '{"delaySeconds":60,' + body(value)) for value in (payload, other))
    assert (first.status, same.status, same.json["id"]) == (202, 200, first.json["id"])
    found = client.send("POST", "/unique/holder", "{" + body(other))
    assert found.json["job"]["id"] == first.json["id"]


def test_keys_of_other_numbers_are_those_of_earlier_versions() -> None:
    """A deploy must not lose which job holds them."""
    request = asked({"a": [1, -7, 2.5, True, None, "x", 1e300]}, by_payload=("a",))
    assert unique_name(request) == '["ok", "payload", ["a"], [[1, -7, 2.5, true, null, "x", 1e+300]]]'


def test_a_place_that_is_not_there_counts_as_null() -> None:
    """However deep; also where something else than an object is on the way."""
    world, deep = World(), ".".join("a" * (UNIQUE_PATH_BYTES // 2))
    first = submit(world, asked({"a": 1, "n": None}, by_payload=(deep, "n")))
    for payload in ({"n": None}, {"a": {"a": [1]}, "n": None}, {"b": 1, "n": None}):
        assert submit(world, asked(payload, by_payload=(deep, "n"))).job.id == first.job.id


@pytest.mark.parametrize(
    ("payload", "paths", "problems"),
    [
        ({"userId": 7}, ("userID",), ["the payload has no userID; did you mean userId?"]),
        ({"order": {"id": 7}}, ("order.ident",), ["the payload has no order.ident"]),
        ({"order": {"number": 7}}, ("order.numbr",), ["the payload has no order.numbr; did you mean order.number?"]),
        ({"order": 7}, ("order.id", "no"), ["the payload has no order.id", "the payload has no no"]),
        ({f"n{number}": 1 for number in range(5000)} | {"name": 1}, ("nam",), ["the payload has no nam"]),
        ({"n" * 200_000: 1}, ("n",), ["the payload has no n"]),
        ({}, ("a",), ["the payload has no a"]),
    ],
)
def test_places_none_of_which_is_there_are_refused(payload: Any, paths: tuple[str, ...], problems: list[str]) -> None:
    """All jobs of the type would have one key, and all but one be lost."""
    world = World()
    request = asked(payload, by_payload=paths)
    for ask in (lambda: submit(world, request), lambda: find_holder(world.app.runtime, TENANT, request)):
        with pytest.raises(InvalidRequestError) as caught:
            ask()
        assert caught.value.code == "invalid_request"
        assert caught.value.details["errors"] == [{"where": "unique.byPayload", "problem": text} for text in problems]


def test_a_whole_payload_of_the_largest_size_is_a_key() -> None:
    """It is hashed once, and not stored with the key."""
    world = World()
    large = {"text": "x" * (PAYLOAD_BYTES - 100)}
    first = submit(world, asked(large, by_payload=()))
    assert submit(world, asked(large, by_payload=())).job.id == first.job.id
    assert first.job.unique is not None
    [item] = world.table.get([unique_key(first.job.unique.id)])
    assert len(str(item)) < 500


@pytest.mark.parametrize(
    "body",
    [
        '{"type": "ok", "payload": {"a": NaN}, "unique": {"byPayload": ["a"]}}',
        '{"type": "ok", "unique": {"key": "\\ud800"}}',
        '{"type": "ok", "unique": {"key": "a\\u0000"}}',
        '{"type": "ok", "unique": {"key": ["a"]}}',
        '{"type": "ok", "unique": [["a"]]}',
        '{"type": "ok", "unique": {"byPayload": ["' + "a." * 200 + 'a"]}}',
        '{"type": "ok", "unique": {"key": "k", "scope": "for_seconds", "forSeconds": 1e400}}',
        '{"type": "ok", "unique": {"key": "' + "k" * 100_000 + '"}}',
    ],
)
@pytest.mark.parametrize("path", ["/jobs", "/unique/holder"])
def test_what_cannot_be_a_key_is_refused_with_a_code(path: str, body: str) -> None:
    """And nothing is stored."""
    world = World()
    answer = Client(api_of(world), a_token()).send("POST", path, body)
    assert 400 <= answer.status < 500, answer.text
    assert answer.json["code"] in ("invalid_request", "malformed_request", "body_too_large")
    assert not [key for key in world.table.rows if key.sk in ("job", "holder")]


def spoil(world: World, job: Job) -> None:
    """Store a job in a form that cannot be read."""
    world.table.rows[job.key]["policy"] = "odd"


@pytest.mark.parametrize("on_conflict", ["return", "reject", "replace"])
def test_a_holder_that_cannot_be_read_blocks_its_key_for_a_day_after_it_was_due_and_no_other(on_conflict: Any) -> None:
    """A message may still run it; then it is for operators to look at."""
    world = World()
    held = submit(world, asked()).job
    spoil(world, held)
    results = world.app.submit.many(TENANT, [asked(on_conflict=on_conflict), asked(key="l"), JobRequest("ok", {})])
    assert [type(result) for result in results] == [UnreadableError, Submitted, Submitted]
    with pytest.raises(UnreadableError):
        find_holder(world.app.runtime, TENANT, asked())
    world.clock.advance(DAY_S + 60)
    assert submit(world, asked(on_conflict=on_conflict)).created


@pytest.mark.parametrize("state", ["succeeded", "cancelled", "dead"])
def test_a_job_that_has_ended_and_cannot_be_read_holds_nothing(state: str) -> None:
    """Nothing runs it any more."""
    world = World()
    held = submit(world, asked()).job
    spoil(world, held)
    world.table.rows[held.key]["state"] = state
    assert submit(world, asked()).created


@pytest.mark.thorough
def test_ten_thousand_submits_of_a_key_cost_each_the_same() -> None:
    """The last one as much as the second; a neighbour as much as ever."""
    world, calls = World(), list[str]()
    app = world.build(Counted(world.table, calls), Counted(world.queues, calls))
    first = app.submit.one(TENANT, asked()).job
    costs = set()
    for _ in range(10_000):
        calls.clear()
        answer = app.submit.one(TENANT, asked())
        assert (answer.created, answer.job.id) == (False, first.id)
        costs.add(tuple(calls))
    assert costs == {("apply_together", "get", "get")}
    calls.clear()
    app.submit.one(TENANT, JobRequest("ok", {}))
    assert calls == ["apply", "send"]
    assert len([key for key in world.table.rows if key.sk in ("job", "holder")]) == 3


def test_a_row_of_replacements_leaves_one_job_and_one_item_of_the_key() -> None:
    """However long it is."""
    world = World()
    made = [submit(world, asked({"n": n}, on_conflict="replace")).job for n in range(200)]
    assert [world.job(job).state.value for job in made].count("pending") == 1
    assert len([key for key in world.table.rows if key.sk == "holder"]) == 1


def test_an_error_of_one_submit_of_a_batch_is_its_own() -> None:
    """Even one that nobody has thought of."""
    world = World()

    def breaks(*_: Any, **__: Any) -> Any:
        raise ZeroDivisionError

    world.table.apply_together = breaks  # type: ignore[method-assign]
    broken, plain = world.app.submit.many(TENANT, [asked(), JobRequest("ok", {})])
    assert isinstance(broken, WhendueError)
    assert isinstance(plain, Submitted)
