"""What `explain` says of a job's unique key."""

from tests.builders.transitions import NOW, TIMING, a_job, running
from whendue.inspection.explain_rules import explain
from whendue.jobs.limit_spec import Unique
from whendue.jobs.model import Job, State, evolve

KEY = Unique("0190-key", "running", NOW + 1000, since=NOW - 7, replaced="0190-old", latest=NOW + 500)


def reasons_of(job: Job, now_ms: int = NOW) -> dict[str, tuple[str, dict[str, object]]]:
    return {reason.code: (reason.text, reason.facts) for reason in explain(job, now_ms, TIMING)}


def test_a_job_that_holds_a_key_says_since_when_in_whose_place_and_up_to_when_it_may_be_put_off() -> None:
    """Of that follows what the next submit with the key does."""
    text, facts = reasons_of(evolve(a_job(due_at=NOW + 100), unique=KEY))["holds_unique_key"]
    assert "replaced job 0190-old" in text
    assert "postpone" in text
    assert facts == {
        "key_id": KEY.id,
        "scope": "running",
        "held_until": NOW + 1000,
        "replaced_id": "0190-old",
        "first_submitted_at": NOW - 7,
        "latest_due_at": NOW + 500,
    }


def test_what_has_begun_is_not_put_off() -> None:
    """It still holds the key."""
    text, facts = reasons_of(evolve(running(), unique=KEY))["holds_unique_key"]
    assert "postpone" not in text
    assert "latest_due_at" not in facts


def test_a_job_that_holds_none_says_nothing() -> None:
    """It has ended, its time is over, or it never had one."""
    ended = a_job(state=State.SUCCEEDED, finished_at=NOW, expires_at=NOW // 1000 + 60, unique=KEY)
    assert "holds_unique_key" not in reasons_of(ended)
    assert "holds_unique_key" not in reasons_of(a_job(unique=KEY), NOW + 1000)
    assert "holds_unique_key" not in reasons_of(a_job())
