"""A job's effective policy as the API shows it: each field's value, and where it comes from."""

from typing import Any, Generic, Literal, TypeVar

from functions.api.schemas.reply import Reply
from whendue.jobs.model import Job
from whendue.profiles.model import sources_of

T = TypeVar("T")


class SourcedValue(Reply, Generic[T]):
    """A field's value and its source."""

    value: T
    source: Literal["request", "profile", "task", "default"]


class EffectiveBackoff(Reply):
    """How long the job waits between attempts."""

    base_seconds: SourcedValue[float]
    factor: SourcedValue[float]
    cap_seconds: SourcedValue[float]
    jitter: SourcedValue[str]


class EffectiveReply(Reply):
    """The policy that the job runs under: the request over the profile, the profile over the task, then defaults."""

    max_attempts: SourcedValue[int]
    backoff: EffectiveBackoff
    timeout_seconds: SourcedValue[int]
    lease_seconds: SourcedValue[int]
    retention_seconds: SourcedValue[int]
    never_retry: SourcedValue[list[str]]


def effective_reply(job: Job) -> EffectiveReply:
    """Show a job's policy."""
    sources = sources_of(job)

    def part(name: str) -> dict[str, Any]:
        return {"value": getattr(job.policy, name), "source": sources[name]}

    return EffectiveReply.model_validate(
        {
            "max_attempts": part("max_attempts"),
            "backoff": {
                "base_seconds": part("base_s"),
                "factor": part("factor"),
                "cap_seconds": part("cap_s"),
                "jitter": part("jitter"),
            },
            "timeout_seconds": part("timeout_s"),
            "lease_seconds": part("lease_s"),
            "retention_seconds": part("retention_s"),
            "never_retry": part("never_retry"),
        }
    )
