"""whendue.client.json_values: JSON to models and back."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any

import pytest

from whendue.client import Backoff, Chord, Limits, NewJob, NewWorkflow, Node, Page, Sourced, Step
from whendue.client.inputs.definitions import NewSubscription
from whendue.client.json_values import UnexpectedJsonError, camel, from_json, time_text, to_json
from whendue.client.models.common import Attempt, Problem
from whendue.client.models.jobs import Explanation
from whendue.client.models.subscriptions import Subscription

ATTEMPT = {"attempt": 1, "state": "failed", "startedAt": "2026-11-28T00:00:00.001Z", "endedAt": None}


@pytest.mark.parametrize(("name", "written"), [("due_at", "dueAt"), ("from_", "from"), ("id", "id")])
def test_names_are_camel_case(name: str, written: str) -> None:
    """Those that Python keeps for itself end in an underscore here."""
    assert camel(name) == written


def test_what_is_none_is_not_sent_but_in_a_payload() -> None:
    """A field that is left out has the API's default; a payload is the user's own JSON, keys and all."""
    job = NewJob("t", {"a_b": None, "c": {"d_e": 1}}, backoff=Backoff(base_seconds=1), limits=Limits(key="k"))
    assert to_json(job) == {
        "type": "t",
        "payload": {"a_b": None, "c": {"d_e": 1}},
        "backoff": {"baseSeconds": 1},
        "limits": {"key": "k"},
    }
    assert to_json(NewJob("t", None)) == {"type": "t", "payload": None}
    config = {"a_b": None}
    sent = to_json(NewSubscription(channel="c", config=config, events=("dead",)))
    assert sent == {"channel": "c", "config": config, "events": ["dead"]}


def test_a_payload_is_not_converted() -> None:
    """What is not JSON in it is the user's mistake, and is not written in a way that no task expects."""
    at = datetime(2026, 1, 1, tzinfo=UTC)
    assert to_json(NewJob("t", {"at": at}))["payload"] == {"at": at}


def test_inputs_are_sent_with_all_that_is_in_them() -> None:
    """Names of nodes are the user's, and stay as they are."""
    nodes = {"a_b": Node("t", for_each={"$from": "x_y"}, depends_on=["c_d"])}
    assert to_json(NewWorkflow(nodes=nodes)) == {
        "nodes": {"a_b": {"type": "t", "payload": {}, "forEach": {"$from": "x_y"}, "dependsOn": ["c_d"]}}
    }
    chord = NewWorkflow(chord=Chord(group=[Step("t")], body=Step("u")))
    assert to_json(chord) == {"chord": {"group": [{"type": "t", "payload": {}}], "body": {"type": "u", "payload": {}}}}


def test_times_are_sent_in_utc_and_only_with_an_offset() -> None:
    """One without would be another time on each machine."""
    assert time_text(datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1)))) == "2026-01-01T00:00:00Z"
    with pytest.raises(ValueError, match="must have an offset"):
        to_json(NewJob("t", due_at=datetime(2026, 1, 1)))  # noqa: DTZ001 - the point


def test_times_are_read_as_aware_in_utc() -> None:
    """To the millisecond; what a newer server adds is ignored."""
    read = from_json(Attempt, ATTEMPT | {"new": 1, "startedAt": "2026-11-28T02:00:00.001+02:00"})
    assert read.started_at == datetime(2026, 11, 28, 0, 0, 0, 1000, UTC)
    assert read.started_at.tzinfo is UTC


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"attempt": True}, r"\.attempt must be int, not bool"),
        ({"attempt": 1.5}, r"\.attempt must be int, not float"),
        ({"state": None}, r"\.state must be str, not NoneType"),
        ({"startedAt": "2026-11-28T00:00:00"}, r"\.startedAt is not a time"),
        ({"startedAt": "soon"}, r"\.startedAt is not a time"),
        ({"error": {"type": "t"}}, r"\.error\.message is missing"),
    ],
)
def test_what_is_not_as_described_is_refused_by_its_place(change: dict[str, Any], words: str) -> None:
    """A wrong type would be found much later, and elsewhere."""
    with pytest.raises(UnexpectedJsonError, match=words):
        from_json(Attempt, ATTEMPT | change)


def test_places_in_lists_are_numbered() -> None:
    """And the body itself has a name."""
    reasons = [{"code": "c", "text": "t", "facts": {}}, {"code": "c", "text": "t"}]
    with pytest.raises(UnexpectedJsonError, match=r"\.reasons\[1\]\.facts is missing"):
        from_json(Explanation, {"id": "i", "state": "s", "reasons": reasons})
    with pytest.raises(UnexpectedJsonError, match="the body must be dict, not list"):
        from_json(Attempt, [])


def test_generic_models_are_read_with_their_arguments() -> None:
    """A float may be written as an integer."""
    page = from_json(Page[Attempt], {"items": [ATTEMPT], "cursor": "c"})
    assert isinstance(page.items[0], Attempt)
    value = from_json(Sourced[float], {"value": 5, "source": "task"}).value
    assert (value, type(value)) == (5.0, float)
    assert from_json(Sourced[tuple[str, ...]], {"value": ["E"], "source": "task"}).value == ("E",)
    assert from_json(Sourced[date], {"value": "2026-11-28", "source": "task"}).value == date(2026, 11, 28)
    with pytest.raises(UnexpectedJsonError, match="is not a date"):
        from_json(Sourced[date], {"value": "x", "source": "task"})


def test_headers_fill_the_fields_that_are_read_from_them() -> None:
    """And nothing in the body can."""
    body: dict[str, Any] = {"etag": "body", "config": {}, "events": [], "filter": {}, "active": True}
    body |= dict.fromkeys(("name", "channel", "applies"), "x")
    names = ("createdAt", "failingSince", "disabledAt", "disabledReason", "publicKey", "oldKeyUntil")
    body |= dict.fromkeys(names)
    assert from_json(Subscription, body).etag is None
    assert from_json(Subscription, body, {"etag": '"3"'}).etag == '"3"'


def test_members_of_a_problem_that_have_no_field_are_kept() -> None:
    """The API may add some."""
    problem = from_json(Problem, {"status": 409, "code": "c", "state": "running"})
    assert (problem.members, problem.detail) == ({"state": "running"}, "")
