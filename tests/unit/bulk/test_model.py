"""Operations as values: the pace, what a piece adds, and what their items keep."""

from dataclasses import replace

import pytest

from whendue.bulk.model import (
    Action,
    Counts,
    FailedJob,
    Operation,
    OperationState,
    Piece,
    PlannedJob,
    cancelled,
    counted,
    create,
    next_look,
    operation_from,
    piece_from,
    plan,
    room,
    step,
    turn_of,
)
from whendue.bulk.quotas import OPERATION_FAILURES, OPERATION_PACE_S
from whendue.quotas import HORIZON_S
from whendue.table.writes import REMOVE, applied_to

NOW = 1_800_000_000_000
OPERATION = Operation(tenant="acme", id="o1", action=Action.REDRIVE, created_at=NOW, by="ada", wanted="{}")
JOBS = tuple(PlannedJob(f"j{number}", number, NOW - number) for number in range(3))
PIECE = Piece(0, JOBS, positions="[1]", begins_at=NOW)


def test_without_a_rate_or_a_limit_a_piece_is_full() -> None:
    """Whatever was done before."""
    assert room(OPERATION, 100, NOW) == 100


@pytest.mark.parametrize(("done", "expected"), [(0, 5), (3, 2), (5, 0)])
def test_a_limit_leaves_what_is_left(done: int, expected: int) -> None:
    """Failures count as well: an operation over broken jobs must end."""
    assert room(replace(OPERATION, limit=5, counts=Counts(failed=done)), 100, NOW) == expected


@pytest.mark.parametrize(
    ("rate", "ahead_s", "expected"),
    [(1, 60, 61), (1, 0, 1), (1, -0.001, 0), (0.001, 10, 1), (1000, 60, 100), (2, 60, 100), (0.5, 60, 31)],
)
def test_a_rate_allows_what_is_due_within_the_pace(rate: float, ahead_s: float, expected: int) -> None:
    """A minute ahead, and not a job more."""
    next_at = NOW + round(1000 * (OPERATION_PACE_S - ahead_s))
    assert room(replace(OPERATION, rate_per_s=rate, next_at=next_at), 100, NOW) == expected


def test_what_an_outage_has_missed_is_not_caught_up() -> None:
    """The rate counts from now on."""
    behind = replace(OPERATION, rate_per_s=1, next_at=NOW - 3_600_000)
    assert room(behind, 1000, NOW) == 61


def test_due_times_alone_keep_the_rate_if_so_wanted() -> None:
    """However slow: nothing is due beyond the horizon."""
    slow = replace(OPERATION, rate_per_s=1e-12, by_due_times=True, next_at=NOW + 1)
    assert room(slow, 100, NOW) == 100
    assert turn_of(slow, PIECE, 2) == NOW + 1000 * HORIZON_S


def test_a_piece_is_counted_and_the_next_begins_after_it() -> None:
    """With where it goes on, and the turn of the next job."""
    done = Counts(changed=2, failed=1)
    then = counted(replace(OPERATION, rate_per_s=2), PIECE, done, [FailedJob("j1", "code", "text")], NOW + 5)
    assert (then.piece, then.positions, then.counts, then.next_at) == (1, "[1]", done, NOW + 1500)
    assert then.is_running
    last = counted(then, replace(PIECE, number=1, is_last=True), done, [], NOW + 9)
    assert (last.state, last.ended_at, last.counts.all) == (OperationState.FINISHED, NOW + 9, 6)
    limited = counted(replace(OPERATION, limit=3), PIECE, done, [], NOW)
    assert limited.state is OperationState.FINISHED


def test_how_far_it_has_come_is_kept_and_its_end_is_known() -> None:
    """A piece that says nothing leaves what is known; a limit or a cancel leaves jobs that it has not come to."""
    begun = counted(OPERATION, replace(PIECE, passed_ms=NOW - 5), Counts(changed=3), [], NOW)
    then = counted(begun, replace(PIECE, number=1), Counts(changed=3), [], NOW)
    assert (then.passed_ms, then.is_complete, then.total) == (NOW - 5, False, None)
    done = counted(then, replace(PIECE, number=2, is_last=True), Counts(failed=1), [], NOW)
    assert (done.is_complete, done.total, done.counts.matched) == (True, 7, 6)
    limited = counted(replace(OPERATION, limit=3), PIECE, Counts(changed=3), [], NOW)
    assert (limited.is_complete, limited.total) == (False, 3)
    assert not cancelled(then, "bob", NOW).is_complete


@pytest.mark.parametrize(("limit", "total"), [(None, 7), (3, 3), (9, 7)])
def test_of_ids_the_total_is_known_from_the_beginning(limit: int | None, total: int) -> None:
    """Not of a filter: nobody counts what an index holds."""
    assert replace(OPERATION, wanted=None, ids="a", id_count=7, limit=limit).total == total
    assert replace(OPERATION, limit=limit).total is None


def test_failures_are_bounded() -> None:
    """The first ones."""
    many = [FailedJob(str(number), "code", "text") for number in range(OPERATION_FAILURES + 1)]
    then = counted(OPERATION, PIECE, Counts(), many, NOW)
    assert then.failures == tuple(many[:-1])


def test_a_cancelled_operation_stays_cancelled() -> None:
    """Also if its last piece is counted afterwards."""
    then = counted(cancelled(OPERATION, "bob", NOW), replace(PIECE, is_last=True), Counts(), [], NOW + 9)
    assert (then.state, then.ended_at) == (OperationState.CANCELLED, NOW)


def test_items_keep_all_that_they_hold() -> None:
    """And are in the due index while the operation runs."""
    failures = (FailedJob("j1", "code", "Größe"),)
    named = replace(OPERATION, ids="a b", id_count=2, limit=7, queue="low")
    named = replace(named, passed_ms=NOW - 9)
    full = replace(named, counts=Counts(1, 2, 3), failures=failures, rate_per_s=0.5)
    item = applied_to(create(full, 8), None)
    assert operation_from(item) == full
    assert item["check_at"] == NOW
    assert item["due_pk"].startswith("schedules#")
    ended = cancelled(replace(full, ids=None, failures=()), "bob", NOW + 1)
    after = applied_to(step(full, ended, NOW), item)
    assert operation_from(after) == ended
    assert "due_pk" not in after
    piece = replace(PIECE, failures=failures, ids="c", passed_ms=NOW - 7, is_last=True)
    assert piece_from(applied_to(plan(full, piece), None)) == piece
    assert piece_from(applied_to(plan(full, Piece(4, ())), None)) == Piece(4, ())


def test_the_next_look_is_moved_for_a_rate_alone() -> None:
    """Each move in the index is paid for."""
    then = replace(OPERATION, piece=1)
    assert "check_at" not in step(OPERATION, then, NOW).changes
    slow = replace(then, rate_per_s=0.01, next_at=NOW + 100_000)
    assert step(OPERATION, slow, NOW).changes["check_at"] == next_look(slow, NOW) == NOW + 40_000
    assert step(slow, then, NOW).changes["rate_per_s"] is REMOVE
