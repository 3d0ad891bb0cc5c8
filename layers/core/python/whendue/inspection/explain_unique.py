"""What does the unique key of a job mean for it, and for later submits? A pure answer from the job and the time."""

from typing import Any, NamedTuple

from whendue.inspection.causes import Cause
from whendue.jobs.limit_spec import Unique
from whendue.jobs.model import Job
from whendue.submission.unique_policy import has_begun, holds


class UniqueReason(NamedTuple):
    """One reason: code, sentence, facts."""

    code: Cause
    text: str
    facts: dict[str, Any]


def reason_of_key(job: Job, unique: Unique, now_ms: int) -> list[UniqueReason]:
    """Return what follows from the key that a job holds; nothing once it has let it go.

    Args:
        job: as stored.
        unique: its key.
        now_ms: the time of asking.
    """
    if not holds(job, unique.id, now_ms):
        return []
    texts = ["It holds its unique key: what becomes of a submit with the same key, that submit's `onConflict` says."]
    facts: dict[str, Any] = {"key_id": unique.id, "scope": unique.scope, "held_until": unique.until}
    if unique.replaced:
        texts.append(f"It replaced job {unique.replaced}.")
        facts |= {"replaced_id": unique.replaced}
    if unique.since:
        facts |= {"first_submitted_at": unique.since}
    if unique.latest is not None and not has_begun(job):
        texts.append("Later submits may postpone it, up to the longest wait.")
        facts |= {"latest_due_at": unique.latest}
    return [UniqueReason(Cause.HOLDS_UNIQUE_KEY, " ".join(texts), facts)]
