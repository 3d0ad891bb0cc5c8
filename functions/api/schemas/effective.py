"""A job's effective policy as the API shows it: each field's value, and where it comes from."""

from typing import Any, Generic, Literal, TypeVar

from pydantic import Field

from functions.api.schemas.reply import Reply
from whendue.jobs.model import Job
from whendue.profiles.model import sources_of

T = TypeVar("T")


class SourcedValue(Reply, Generic[T]):
    """A value of the policy, and which layer set it."""

    value: T = Field(description="The value.")
    source: Literal["request", "profile", "task", "default"] = Field(description="The layer that set it.")


# Each type has a name of its own: clients are generated from the schemas' names.
class SourcedInteger(SourcedValue[int]):
    """A whole number of the policy, and which layer set it."""


class SourcedNumber(SourcedValue[float]):
    """A number of the policy, and which layer set it."""


class SourcedText(SourcedValue[str]):
    """A text of the policy, and which layer set it."""


class SourcedTexts(SourcedValue[list[str]]):
    """A list of texts of the policy, and which layer set it."""


class EffectiveBackoff(Reply):
    """How long the job waits before a retry."""

    base_seconds: SourcedNumber = Field(description="Seconds before the first retry.")
    factor: SourcedNumber = Field(description="Each wait is this many times as long as the one before.")
    cap_seconds: SourcedNumber = Field(description="Longest wait between two attempts, in seconds.")
    jitter: SourcedText = Field(description="`full` or `none`.")


class EffectiveReply(Reply):
    """The policy of the job. The request overrides the profile, the profile the task, the task the defaults."""

    max_attempts: SourcedInteger = Field(description="Maximum number of attempts, the first one included.")
    backoff: EffectiveBackoff
    timeout_seconds: SourcedInteger = Field(description="Longest time that one attempt may take, in seconds.")
    lease_seconds: SourcedInteger = Field(
        description="Seconds without a heartbeat after which a worker counts as dead."
    )
    retention_seconds: SourcedInteger = Field(description="How long the finished job is kept, in seconds.")
    never_retry: SourcedTexts = Field(
        description="Error types that are never retried, in addition to those that the task declares."
    )


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
