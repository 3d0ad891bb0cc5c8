"""Items, jobs and transitions that the contract is tried with."""

from collections.abc import Callable
from typing import Any

from whendue.engine.ports import JobStore, WriteResult
from whendue.jobs import dependency_transitions as waiting
from whendue.jobs import transitions
from whendue.jobs.failures import failure
from whendue.jobs.limit_spec import Wait
from whendue.jobs.model import Failure, Job, Policy, State, evolve
from whendue.jobs.transition import Transition
from whendue.settings import Timing
from whendue.table.keys import Key
from whendue.table.writes import Write, insert

NOW = 1_800_000_000_000
TIMING = Timing()
LIVE = "live#normal#3"
MINE, THEIRS = "fence-1", "fence-2"


def key_of(name: str) -> Key:
    return Key(f"JOB#{name}", "job")


def insert_of(name: str, **values: Any) -> Write:
    return insert("insert", key_of(name), {"n": 1} | values)


def listed(name: str, check_at: int, partition: str = LIVE) -> Write:
    """An item with a place in the due index."""
    return insert_of(name, due_pk=partition, check_at=check_at, due_at=check_at + 7)


def a_job(job_id: str = "0190", **changes: Any) -> Job:
    job = Job(
        id=job_id,
        tenant="acme",
        type="ok",
        queue="normal",
        profile="default",
        due_pk=LIVE,
        check_at=NOW - TIMING.lookahead_ms,
        due_at=NOW,
        scheduled_at=NOW,
        created_at=NOW,
        request_hash="hash",
        fence="fence-0",
        policy=Policy(jitter="none", base_s=2.5, factor=1.5),
        payload='{"text":"grün"}',
        tags={"team": "größer", "empty": ""},
    )
    return evolve(job, **changes)


def running(job_id: str = "0190", **changes: Any) -> Job:
    claimed = {"state": State.RUNNING, "fence": MINE, "lease_until": NOW + 45_000, "started_at": NOW, "claims": 1}
    return a_job(job_id, **claimed | changes)


def dead(job_id: str = "0190") -> Job:
    job = running(job_id)
    return transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5, final=True).job


def an_error(job: Job) -> Failure:
    return failure(job, "RuntimeError", "it broke", failed_at=NOW)


def awaiting() -> Job:
    return a_job(state=State.WAITING, unmet_dependencies=frozenset({0, 1, 2007}))


def with_fan_out() -> Job:
    return transitions.succeed(running(has_dependents=True), NOW, None).job


LATER = NOW + 50_000
A_WAIT = Wait("rate", "customer-7", 2.5, NOW, 1)
# Name of a transition's constructor -> the job it starts from, and the step.
STEPS: dict[str, tuple[Callable[[], Job], Callable[[Job], Transition]]] = {
    "claim": (a_job, lambda job: transitions.claim(job, MINE, NOW)),
    "claim of an expired lease": (running, lambda job: transitions.claim(job, THEIRS, LATER)),
    "claim of a follower": (
        lambda: a_job(follow=True, profile_version=1, sources="rdddddddd"),
        lambda job: transitions.claim(
            evolve(job, policy=Policy(never_retry=("A", "B")), profile_version=2, sources=None), MINE, NOW
        ),
    ),
    "heartbeat": (running, lambda job: transitions.heartbeat(job, LATER, '{"done":0.5}')),
    "heartbeat of a task that has seen the cancel": (
        lambda: running(cancel_requested=True),
        lambda job: transitions.heartbeat(job, LATER, None, cancel_seen=True),
    ),
    "succeed": (running, lambda job: transitions.succeed(job, NOW, '{"sum":3}')),
    "fail": (running, lambda job: transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5)),
    "fail for good": (running, lambda job: transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5, final=True)),
    "requeue": (running, lambda job: transitions.requeue(job, NOW, NOW, TIMING)),
    "finish_cancelled": (lambda: running(cancel_requested=True), lambda job: transitions.finish_cancelled(job, NOW)),
    "cancel": (a_job, lambda job: transitions.cancel(job, NOW)),
    "expire": (lambda: a_job(begin_by=LATER), lambda job: transitions.expire(job, LATER)),
    "end_retries": (
        lambda: a_job(begin_by=LATER, started_at=NOW, generation=2, failures=1, last=an_error(running())),
        lambda job: transitions.end_retries(job, "too late", LATER),
    ),
    "end_retries of a job without an error": (
        lambda: a_job(begin_by=LATER, started_at=NOW),
        lambda job: transitions.end_retries(job, "too late", LATER),
    ),
    "undo_redrive": (
        lambda: transitions.redrive(dead(), LATER, LATER, TIMING).job,
        lambda job: transitions.undo_redrive(job, LATER, "ada"),
    ),
    "request_cancel": (running, lambda job: transitions.request_cancel(job, LATER)),
    "mark_dead": (running, lambda job: transitions.mark_dead(job, "worker_lost", "its workers died", LATER)),
    "mark_dead while pending": (a_job, lambda job: transitions.mark_dead(job, "redriven", "SQS gave up", LATER)),
    "cancel_lost": (lambda: running(cancel_requested=True), lambda job: transitions.cancel_lost(job, LATER)),
    "redrive": (dead, lambda job: transitions.redrive(job, LATER, LATER, TIMING)),
    "replay": (
        lambda: transitions.succeed(running(subscription="hook"), NOW, '{"status":204}').job,
        lambda job: transitions.replay(job, LATER, LATER, TIMING),
    ),
    "reschedule of a waiting job to the same time": (
        lambda: a_job(waits_for=A_WAIT),
        lambda job: transitions.reschedule(job, job.due_at, "high", NOW, TIMING),
    ),
    "reschedule of a waiting job": (
        lambda: a_job(waits_for=A_WAIT),
        lambda job: transitions.reschedule(job, LATER, "high", NOW, TIMING),
    ),
    "claim of a waiting job": (lambda: a_job(waits_for=A_WAIT), lambda job: transitions.claim(job, MINE, NOW)),
    "defer": (a_job, lambda job: transitions.defer(job, A_WAIT, LATER, NOW, TIMING)),
    "defer after a lost lease": (running, lambda job: transitions.defer(job, A_WAIT, NOW + 999_000, LATER, TIMING)),
    "wake": (lambda: a_job(waits_for=A_WAIT), lambda job: transitions.wake(job, LATER, TIMING)),
    "cancel for a cause": (
        lambda: a_job(schedule="s", nominal_at=NOW),
        lambda job: transitions.cancel(job, LATER, why=("schedule_paused", "its schedule was paused")),
    ),
    "skip of a job that has failed": (
        lambda: a_job(failures=1, last=an_error(running())),
        lambda job: transitions.skip(job, "replaced", "", LATER),
    ),
    "skip": (
        lambda: a_job(schedule="s", nominal_at=NOW, overlap="skip"),
        lambda job: transitions.skip(job, "overlap", "", LATER),
    ),
    "reschedule": (a_job, lambda job: transitions.reschedule(job, NOW + 900_000, "high", NOW, TIMING)),
    "postpone_check": (a_job, lambda job: transitions.postpone_check(job, LATER, send=True)),
    "add_dependent": (running, waiting.add_dependent),
    "succeed with dependents": (
        lambda: running(has_dependents=True),
        lambda job: transitions.succeed(job, NOW, '{"sum":3}'),
    ),
    "fail with dependents": (
        lambda: running(has_dependents=True),
        lambda job: transitions.fail(job, an_error(job), NOW, TIMING, draw=0.5, final=True),
    ),
    "satisfy": (awaiting, lambda job: waiting.satisfy(job, frozenset({1, 2007}))),
    "satisfy of the last": (awaiting, lambda job: waiting.satisfy(job, frozenset({0, 1, 2007}))),
    "release": (awaiting, lambda job: waiting.release(job, LATER, TIMING)),
    "release of one that awaits nobody": (
        lambda: evolve(awaiting(), unmet_dependencies=None),
        lambda job: waiting.release(job, LATER, TIMING),
    ),
    "expire while waiting": (awaiting, lambda job: transitions.expire(job, NOW)),
    "release of one that expires": (
        lambda: evolve(awaiting(), expires_s=2.5),
        lambda job: waiting.release(job, LATER, TIMING),
    ),
    "cancel while waiting": (awaiting, lambda job: transitions.cancel(job, NOW)),
    "request_cancel while waiting": (awaiting, lambda job: transitions.request_cancel(job, LATER)),
    "cancel_unsatisfied": (awaiting, lambda job: waiting.cancel_unsatisfied(job, "dependency_failed", "", LATER)),
    "expand": (
        lambda: running(expands="workflow"),
        lambda job: waiting.expand(job, 3, frozenset(range(3)), LATER, NOW + 900_000),
    ),
    "redrive to wait again": (
        dead,
        lambda job: transitions.redrive(
            job, LATER, LATER, TIMING, unmet_dependencies=frozenset({2007}), parent_redrive=1
        ),
    ),
    "advance_fan_out": (with_fan_out, lambda job: waiting.advance_fan_out(job, "dependent#0190")),
    "finish_fan_out": (with_fan_out, lambda job: waiting.finish_fan_out(job, LATER, TIMING)),
    "finish_fan_out of a retry": (
        lambda: a_job(pending_fan_out="", failures=1),
        lambda job: waiting.finish_fan_out(job, LATER, TIMING),
    ),
}
AFTER_CLAIM = [
    "heartbeat",
    "heartbeat of a task that has seen the cancel",
    "succeed",
    "fail",
    "fail for good",
    "requeue",
    "finish_cancelled",
    "request_cancel",
    "expand",
]

Apply = Callable[[JobStore, Write], WriteResult]
