"""Who holds a unique key in which state, what a submit does that meets a holder, and what a key is made of."""

from typing import Any

import pytest

from tests.builders.transitions import NOW, TIMING, a_job, running
from whendue.jobs.limit_spec import Scope, Unique
from whendue.jobs.model import Job, State, evolve
from whendue.jobs.transitions import redrive
from whendue.quotas import UNIQUE_HELD_S
from whendue.submission.request import JobRequest, UniqueRequest
from whendue.submission.unique_policy import Decision, decide, holds, succeeding, take, unique_name, unique_of

KEY = "0190-key"
SCOPES: tuple[Scope, ...] = ("pending", "running", "until_success", "for_seconds")
ENDED = {"finished_at": NOW, "expires_at": NOW // 1000 + 60, "started_at": NOW}
# The table of decision 30, row by row: the job, and the scopes that it holds.
ROWS: dict[str, tuple[Job, set[Scope]]] = {
    "waits for its time": (a_job(), {*SCOPES}),
    "waits for others": (a_job(state=State.WAITING), {*SCOPES}),
    "runs": (running(), {*SCOPES} - {"pending"}),
    "waits for a retry": (a_job(started_at=NOW, failures=1), {*SCOPES} - {"pending"}),
    "waits for its members": (a_job(state=State.WAITING, started_at=NOW), {*SCOPES} - {"pending"}),
    "has expired, and nobody has found it": (a_job(begin_by=NOW), set()),
    "has expired as it waits for others": (a_job(state=State.WAITING, begin_by=NOW), set()),
    "expires later": (a_job(begin_by=NOW + 1), {*SCOPES}),
    "runs, past its expiry": (running(begin_by=NOW), {*SCOPES} - {"pending"}),
    # It ends as dead.
    "has expired as it waits for a retry": (a_job(started_at=NOW, begin_by=NOW), {"until_success", "for_seconds"}),
    "succeeded": (a_job(state=State.SUCCEEDED, **ENDED), {"for_seconds"}),
    "dead": (a_job(state=State.DEAD, **ENDED), {"until_success", "for_seconds"}),
    "cancelled": (a_job(state=State.CANCELLED, finished_at=NOW), set()),
    "expired": (a_job(state=State.EXPIRED, finished_at=NOW), set()),
    "dead, retention over": (a_job(state=State.DEAD, **ENDED | {"expires_at": NOW // 1000 - 1}), set()),
}


def having(job: Job, scope: Scope) -> Job:
    return evolve(job, unique=Unique(KEY, scope, NOW + 1000))


@pytest.mark.parametrize("row", ROWS)
@pytest.mark.parametrize("scope", SCOPES)
def test_a_jobs_state_says_whether_it_holds_its_key(row: str, scope: Scope) -> None:
    """Nothing else does: there is nothing to delete, and nothing that could be forgotten."""
    job, scopes = ROWS[row]
    assert holds(having(job, scope), KEY, NOW) == (scope in scopes)
    assert not holds(having(job, scope), KEY, NOW + 1000), "its time is over"
    assert not holds(having(job, scope), "another key", NOW)
    assert not holds(job, KEY, NOW)


@pytest.mark.parametrize("state", [State.DEAD, State.CANCELLED, State.EXPIRED])
@pytest.mark.parametrize("scope", SCOPES)
def test_a_redrive_takes_no_key_back(state: State, scope: Scope) -> None:
    """Another job may have it by now; a dead job that has never let go still holds it."""
    job = having(a_job(state=state, finished_at=NOW), scope)
    again = redrive(job, NOW, NOW, TIMING).job
    assert holds(again, KEY, NOW) == holds(job, KEY, NOW)


@pytest.mark.parametrize(
    ("on_conflict", "not_begun", "begun"),
    [
        ("return", Decision.RETURN, Decision.RETURN),
        ("reject", Decision.REJECT, Decision.REJECT),
        ("replace", Decision.REPLACE, Decision.REJECT),
        ("postpone", Decision.REPLACE, Decision.REJECT),
    ],
)
def test_what_a_submit_does_that_meets_a_holder(on_conflict: Any, not_begun: Decision, begun: Decision) -> None:
    """Work that has begun is never replaced."""
    request = UniqueRequest("k", on_conflict=on_conflict)
    assert decide(having(a_job(), "running"), KEY, request, NOW) is not_begun
    assert decide(having(running(), "running"), KEY, request, NOW) is begun
    assert decide(having(running(), "pending"), KEY, request, NOW) is Decision.TAKE
    assert decide(None, KEY, request, NOW) is Decision.TAKE


def test_a_key_is_of_a_type_and_of_a_name_or_of_values() -> None:
    """The same values in another order of fields are the same; a name never equals values."""

    def name(payload: Any = None, *, type: str = "ok", **asked: Any) -> str:  # noqa: A002 - the field's name
        return unique_name(JobRequest(type, payload, unique=UniqueRequest(**asked)))

    order = {"order": {"id": 7, "at": 1}, "try": 1}
    assert name(key="a") == name({"any": 1}, key="a")
    assert name(key="a") != name(key="a", type="other")
    assert name(order, by_payload=("order.id",)) == name({"order": {"at": 2, "id": 7}}, by_payload=("order.id",))
    assert name(order, by_payload=("order.id",)) != name({"order": {"id": 8}}, by_payload=("order.id",))
    assert name(order, by_payload=()) == name({"try": 1, "order": {"at": 1, "id": 7}}, by_payload=())
    assert name(order, by_payload=()) != name({"try": 2, "order": order["order"]}, by_payload=())
    assert name(order, by_payload=("order.id.no", "try")) == name({"try": 1}, by_payload=("order.id.no", "try"))
    with pytest.raises(ValueError, match="no unique key"):
        unique_name(JobRequest("ok"))


def test_a_key_is_held_for_its_time_or_as_long_as_a_job_may_be_due() -> None:
    """DynamoDB's TTL deletes the key's item after that."""
    asked = unique_of(UniqueRequest("k", scope="for_seconds", for_s=1.5), KEY, NOW + 99, NOW)
    assert asked.until == NOW + 1500
    assert unique_of(UniqueRequest("k"), KEY, NOW + 99, NOW).until == NOW + 99 + 1000 * UNIQUE_HELD_S
    item = take(evolve(a_job(), unique=asked), None, "f").changes
    assert item["expires_at"] * 1000 > asked.until
    with pytest.raises(ValueError, match="no unique key"):
        take(a_job(), None, "f")


def test_a_postponed_job_is_due_within_the_longest_wait_of_the_first() -> None:
    """Each replacement carries the time of the first submit on."""
    asked, due = UniqueRequest("k", on_conflict="postpone", max_wait_s=60), []
    job = having(a_job(created_at=NOW), "pending")
    for passed_ms in (20_000, 40_000, 70_000):
        now = NOW + passed_ms
        newer = having(a_job(created_at=now, due_at=now + 30_000), "pending")
        job = succeeding(newer, job, asked, 8, TIMING)
        due.append(job.due_at - NOW)
        assert job.check_at == job.due_at - TIMING.lookahead_ms
    assert due == [50_000, 60_000, 70_000]


def test_a_replacement_without_a_longest_wait_is_due_as_it_asks() -> None:
    """`replace` moves nothing."""
    newer = having(a_job(due_at=NOW + 30_000), "pending")
    job = succeeding(newer, having(a_job(), "pending"), UniqueRequest("k", on_conflict="replace"), 8, TIMING)
    assert job.unique is not None
    assert job.unique.replaced == a_job().id
    assert evolve(job, unique=newer.unique) == newer
