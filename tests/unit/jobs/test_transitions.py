"""Transitions as values: what they expect, what they change, and that a stale worker's writes are refused."""

from collections.abc import Callable

import pytest

from scripts.state_diagram import ARROWS
from tests.builders.transitions import MINE, NOW, THEIRS, TIMING, a_job, an_error, running
from whendue.adapters.memory import MemoryStore
from whendue.engine.ports import WriteStatus
from whendue.jobs import transitions
from whendue.jobs.model import TERMINAL, Job, Policy, State, evolve, from_item, to_item
from whendue.jobs.transition import Transition, with_pending_fan_out
from whendue.quotas import LIST_PARTITIONS, MAX_LOST, WAITING_CHECK_S


def stored(job: Job) -> MemoryStore:
    store = MemoryStore()
    [end] = store.apply([transitions.submit(job, TIMING)])
    assert end.done
    return store


AFTER_CLAIM: dict[str, Callable[[Job], Transition]] = {
    "heartbeat": lambda job: transitions.heartbeat(job, NOW, '"half"'),
    "heartbeat of a task that has seen the cancel": lambda job: transitions.heartbeat(job, NOW, None, cancel_seen=True),
    "succeed": lambda job: transitions.succeed(job, NOW, '"fine"'),
    "fail": lambda job: transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5),
    "fail for good": lambda job: transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5, final=True),
    "requeue": lambda job: transitions.requeue(job, NOW, NOW, TIMING),
    "finish_cancelled": lambda job: transitions.finish_cancelled(job, NOW),
}


@pytest.mark.parametrize("name", AFTER_CLAIM)
def test_a_stale_fence_changes_nothing(name: str) -> None:
    """G5: a worker that lost its lease must not touch what its successor does."""
    store = stored(running(fence=THEIRS))
    before = store.items()
    [end] = store.apply([AFTER_CLAIM[name](running(fence=MINE))])
    assert end.status is WriteStatus.REFUSED
    assert store.items() == before


@pytest.mark.parametrize("name", AFTER_CLAIM)
def test_the_holder_of_the_fence_is_let_through_and_may_repeat_itself(name: str) -> None:
    """A lost reply makes the SDK send the same write again; that is a success, not a refusal."""
    store = stored(running())
    write = AFTER_CLAIM[name](running())
    assert [end.done for end in store.apply([write])] == [True]
    assert from_item(store.items()[write.key]) == write.job
    assert [end.done for end in store.apply([write])] == [True]


@pytest.mark.parametrize(
    "standing",
    [
        a_job(generation=2),
        a_job(state=State.CANCELLED),
        a_job(state=State.SUCCEEDED),
        running(fence=THEIRS),
        a_job(claims=MAX_LOST),
        running(lease_until=NOW - 1, cancel_requested=True),
    ],
    ids=["rescheduled", "cancelled", "finished", "leased", "lost too often", "cancelled while its worker died"],
)
def test_a_claim_is_refused_where_the_job_may_not_run(standing: Job) -> None:
    """Each conjunct of the claim keeps one kind of wrong run away."""
    store = stored(standing)
    [end] = store.apply([transitions.claim(a_job(), MINE, NOW)])
    assert end.status is WriteStatus.REFUSED
    assert end.current is not None
    assert from_item(end.current) == standing


def test_a_claim_takes_over_once_the_lease_has_expired() -> None:
    """A dead worker must not keep its job."""
    store = stored(running(lease_until=NOW - 1))
    [end] = store.apply([transitions.claim(a_job(), THEIRS, NOW)])
    assert end.done
    job = from_item(store.items()[a_job().key])
    assert (job.fence, job.claims, job.lost) == (THEIRS, 2, 1)


@pytest.mark.parametrize("name", ["fail", "requeue"])
def test_what_would_run_again_gives_way_to_a_cancel_that_was_requested(name: str) -> None:
    """G9: after an acknowledged cancel no further attempt begins."""
    store = stored(running(cancel_requested=True))
    [end] = store.apply([AFTER_CLAIM[name](running())])
    assert end.status is WriteStatus.REFUSED


def test_a_run_that_is_given_back_counts_neither_as_attempt_nor_as_lost() -> None:
    """A deployment of new workers must not use up what a job has."""
    step = AFTER_CLAIM["requeue"](running(failures=1, claims=2))
    after = step.job
    assert (after.state, after.failures, after.claims, after.lost) == (State.PENDING, 1, 1, 0)
    assert (after.generation, after.due_at, after.lease_until, step.send) == (2, NOW, 0, True)
    assert from_item(stored(running(failures=1, claims=2)).items()[step.key]).attempt == 2


def test_a_retry_is_a_new_generation_with_its_own_check() -> None:
    """Messages of the failed attempt must not claim the next one early."""
    step = AFTER_CLAIM["fail"](running())
    assert step.job.generation == 2
    assert step.job.due_at == NOW + 10_000
    assert step.job.check_at == step.job.due_at - TIMING.lookahead_ms
    assert step.send
    assert from_item(stored(step.job).items()[step.key]).state is State.PENDING


def test_a_retry_far_away_is_left_to_the_timer() -> None:
    """Only what is nearly due is sent by its writer: SQS delays end at 15 minutes."""
    patient = running(policy=Policy(jitter="none", base_s=600))
    assert not transitions.fail(patient, an_error(patient), NOW, TIMING, draw=0).send


def test_finishing_leaves_the_live_due_index() -> None:
    """The next check index of live jobs holds nothing finished."""
    for name in ("succeed", "fail for good", "finish_cancelled"):
        job = AFTER_CLAIM[name](running()).job
        dead = job.state is State.DEAD
        assert (job.due_pk, job.check_at) == (("dead#acme#3", NOW) if dead else ("live#normal#3", None))
        assert (job.fingerprint, job.live_shard) == ((an_error(running()).fingerprint, 3) if dead else (None, None))
        assert job.lease_until == 0
        assert job.expires_at == NOW // 1000 + job.policy.retention_s


def test_a_dead_job_goes_back_to_its_own_shard() -> None:
    """Its list has few partitions, however many its queue has; each of those may be the only one that is read."""
    many = running(due_pk="live#normal#77")
    dead = AFTER_CLAIM["fail for good"](many).job
    assert (dead.due_pk, dead.shard) == (f"dead#acme#{77 % LIST_PARTITIONS}", 77)
    assert transitions.redrive(dead, NOW, NOW, TIMING).job.due_pk == "live#normal#77"
    pending = with_pending_fan_out(AFTER_CLAIM["fail for good"](many)).job
    assert (pending.due_pk, pending.fingerprint, pending.live_shard) == ("live#normal#77", None, None)


def test_redrive_starts_over() -> None:
    """A redriven job has all its attempts, and no trace of an end."""
    dead = AFTER_CLAIM["fail for good"](running()).job
    job = transitions.redrive(dead, NOW + 5, NOW, TIMING).job
    assert (job.state, job.generation, job.failures, job.claims) == (State.PENDING, 2, 0, 0)
    assert job.due_pk == "live#normal#3"
    assert (job.finished_at, job.expires_at, job.cancel_requested) == (None, None, False)
    assert (job.fingerprint, job.live_shard) == (None, None)
    assert job.last == dead.last


def test_a_redrive_is_sent_by_its_writer_only_if_it_is_due_soon() -> None:
    """The timer promotes it otherwise."""
    dead = AFTER_CLAIM["fail for good"](running()).job
    assert transitions.redrive(dead, NOW, NOW, TIMING).send
    assert not transitions.redrive(dead, NOW + 3_600_000, NOW, TIMING).send


def test_a_redriven_part_that_waits_again_looks_for_itself_and_is_not_sent() -> None:
    """Its dependencies begin again, too."""
    dead = AFTER_CLAIM["fail for good"](running()).job
    step = transitions.redrive(dead, NOW, NOW, TIMING, unmet_dependencies=frozenset({0}))
    assert (step.job.state, step.job.unmet_dependencies, step.send) == (State.WAITING, frozenset({0}), False)
    assert step.job.check_at == NOW + WAITING_CHECK_S * 1000


def test_redrives_are_counted_and_a_part_keeps_of_which_one_of_its_whole_it_is() -> None:
    """A redrive by hand is of none."""
    dead = AFTER_CLAIM["fail for good"](running()).job
    first = transitions.redrive(dead, NOW, NOW, TIMING, parent_redrive=3).job
    assert (first.redrives, first.parent_redrive) == (1, 3)
    second = transitions.redrive(evolve(first, state=State.DEAD), NOW, NOW, TIMING).job
    assert (second.redrives, second.parent_redrive) == (2, 3)


def test_a_job_that_waits_is_not_sent_by_its_writer() -> None:
    """However near its next check is."""
    assert transitions.submit(a_job(), TIMING).send
    assert not transitions.submit(a_job(state=State.WAITING, unmet_dependencies=frozenset({0})), TIMING).send


def test_the_failed_attempt_before_is_kept_before_it_is_overwritten() -> None:
    """A dead job shows the errors of all its attempts."""
    first = AFTER_CLAIM["fail"](running())
    assert first.first is None
    second = evolve(first.job, state=State.RUNNING, fence=THEIRS)
    step = transitions.fail(second, an_error(second), NOW, TIMING, draw=0)
    assert step.first is not None
    assert step.first.key.sk == "attempt#000001"
    assert step.first.changes["message"] == "it broke"


def test_the_failed_attempt_before_is_kept_when_its_worker_is_lost() -> None:
    """The loss takes its place in the hot item."""
    job = AFTER_CLAIM["fail"](running()).job
    step = transitions.mark_dead(job, "worker_lost", "", NOW)
    assert step.first == transitions.keep_attempt(job)
    assert step.first is not None


def test_a_job_of_another_priority_stands_in_the_due_index_of_its_new_queue() -> None:
    """Its timer looks for it there alone, and a pause of the old queue no longer holds it."""
    step = transitions.reschedule(a_job(), NOW + 1, "high", NOW, TIMING)
    assert (step.job.queue, step.job.due_pk, step.changes["due_pk"]) == ("high", "live#high#3", "live#high#3")


def test_the_state_machine_is_the_designs() -> None:
    """No arrow appears or vanishes unnoticed (docs/reference/states.md)."""
    arrows = {(edge.source, edge.target) for edge in ARROWS if edge.source is not edge.target}
    wait, pending, run, won = State.WAITING, State.PENDING, State.RUNNING, State.SUCCEEDED
    assert arrows == {
        (None, pending),
        (None, wait),
        (wait, pending),
        (wait, State.CANCELLED),
        (run, wait),
        (pending, run),
        (run, won),
        (run, pending),
        (run, State.DEAD),
        (run, State.CANCELLED),
        (pending, State.DEAD),
        (pending, State.CANCELLED),
        (wait, State.EXPIRED),
        (pending, State.EXPIRED),
        (State.DEAD, pending),
        (State.CANCELLED, pending),
        (State.EXPIRED, pending),
        (State.EXPIRED, wait),
        # Deliveries alone.
        (won, pending),
        (State.DEAD, wait),
        (State.CANCELLED, wait),
    }
    assert {state for state in State if state not in TERMINAL} == {wait, pending, run}


def test_every_write_of_a_live_job_moves_at_most_its_own_check() -> None:
    """Claim and heartbeat touch no index key: a claim costs one write unit."""
    for step in (transitions.claim(a_job(), MINE, NOW), transitions.heartbeat(running(), NOW, None)):
        assert not {"due_pk", "check_at", "due_at"} & set(step.changes)
    assert to_item(a_job())["due_pk"] == "live#normal#3"


NEW_DUE_TIME: dict[str, Callable[[Job], Transition]] = {
    "fail": lambda job: transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5),
    "redrive": lambda job: transitions.redrive(job, NOW, NOW, TIMING),
    "reschedule": lambda job: transitions.reschedule(job, NOW + 1, "high", NOW, TIMING),
}


@pytest.mark.parametrize("name", NEW_DUE_TIME)
def test_a_new_due_time_begins_with_a_clean_record(name: str) -> None:
    """Rescues of an earlier generation must not slow down the healing of this one."""
    job = running(rescues=7, generation=3)
    step = NEW_DUE_TIME[name](job)
    assert (step.job.rescues, step.job.generation, step.job.scheduled_at, step.job.lease_until) == (0, 4, NOW, 0)


def test_a_heartbeat_leaves_the_progress_alone_when_there_is_none() -> None:
    """A user watches the last word of the task, until there is another."""
    assert "progress" not in transitions.heartbeat(running(), NOW, None).changes
    assert transitions.heartbeat(running(), NOW, '"half"').changes["progress"] == '"half"'
