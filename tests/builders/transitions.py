"""Jobs before a transition."""

from whendue.jobs.failures import failure
from whendue.jobs.model import Failure, Job, Policy, State, evolve
from whendue.settings import Timing

NOW = 1_800_000_000_000
TIMING = Timing()
MINE, THEIRS = "fence-1", "fence-2"


def a_job(**changes: object) -> Job:
    job = Job(
        id="0190",
        tenant="acme",
        type="ok",
        queue="normal",
        profile="default",
        due_pk="live#normal#3",
        check_at=NOW - TIMING.lookahead_ms,
        due_at=NOW,
        scheduled_at=NOW,
        created_at=NOW,
        request_hash="hash",
        policy=Policy(jitter="none", base_s=10),
    )
    return evolve(job, **changes)


def running(**changes: object) -> Job:
    started = {"state": State.RUNNING, "fence": MINE, "lease_until": NOW + 45_000, "started_at": NOW, "claims": 1}
    return a_job(**started | changes)


def an_error(job: Job) -> Failure:
    return failure(job, "RuntimeError", "it broke", failed_at=NOW)
