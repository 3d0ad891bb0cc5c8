"""Profiles as the API takes and shows them."""

from collections.abc import Mapping
from typing import Any, Literal, Self

from pydantic import ConfigDict, Field, model_validator

from functions.api.http import times
from functions.api.schemas.job_replies import LimitsReply, limits_reply
from functions.api.schemas.reply import ALWAYS_WHOLE, Reply, Time
from functions.api.schemas.shared.policy import (
    ExpiringBody,
    LimitsBody,
    Names,
    PolicyBody,
    Priority,
    QueueBody,
    QueueName,
    shown_queue,
)
from whendue.profiles.model import Profile
from whendue.submission.request import joined


class ProfileLimitsBody(LimitsBody):
    """The limits of a profile's jobs: at least one of `concurrency` and `ratePerSecond`."""

    model_config = ConfigDict(json_schema_extra={"example": {"concurrency": 5}})

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.concurrency is None and self.rate_per_second is None:
            raise ValueError("must have at least one of concurrency and ratePerSecond")
        return self


class ProfileBody(ExpiringBody, QueueBody, PolicyBody):
    """A whole profile. Fields that are left out are decided by the task, then by the defaults."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "maxAttempts": 12,
                "backoff": {"baseSeconds": 30, "capSeconds": 21600},
                "limits": {"concurrency": 5},
            }
        }
    )

    priority: Priority | None = Field(
        default=None, description="Queue of jobs that set none, one of these four. Default: the task's, else `normal`."
    )
    queue: QueueName | None = Field(
        default=None,
        description="Queue of jobs that set none, one of the four priorities or of the deployment's own. Send this or "
        "`priority`. Default: that of `priority`.",
    )
    follow: bool = Field(
        default=False,
        description="Whether each attempt of its jobs uses the newest version instead of the one of their submission.",
    )
    limits: ProfileLimitsBody | None = Field(
        default=None, description="Limits that all its jobs share, from their next attempt on. Default: none."
    )
    notify: Names = Field(default_factory=list)

    def profile(self, name: str) -> Profile:
        """Return the profile in the service's form."""
        limit = self.limits.limit() if self.limits else None
        return Profile(
            name,
            policy=self.policy(),
            queue=self.queue_name,
            limit=limit,
            follow=self.follow,
            notify=joined(*self.notify),
            expires_s=self.expires_seconds,
        )


class ProfileBackoffReply(Reply):
    """How long jobs of a profile or a task wait before a retry; null: the task, or the defaults, decide."""

    base_seconds: float | None = Field(description="Seconds before the first retry.")
    factor: float | None = Field(description="Each wait is this many times as long as the one before.")
    cap_seconds: float | None = Field(description="Longest wait between two attempts, in seconds.")
    jitter: Literal["full", "none"] | None = Field(
        description="`full` waits a random time between 0 and the computed wait, `none` waits all of it."
    )


class ProfileReply(Reply):
    """A profile; where a field is null, the task or the defaults decide."""

    name: str = Field(description="Name of the profile.")
    version: int | None = Field(description="Version, counted from 1; null for a built-in profile.")
    built_in: bool = Field(description="Whether whendue ships it; such a profile cannot be changed.")
    updated_at: Time | None = Field(description="When this version was created; null for a built-in profile.")
    priority: str | None = Field(description="Queue of jobs that name none, if it is one of the four priorities.")
    queue: str | None = Field(
        default=None, description="Queue of jobs that name none, if it is one of the deployment's own."
    )
    max_attempts: int | None = Field(description="Maximum number of attempts, the first one included.")
    backoff: ProfileBackoffReply
    timeout_seconds: int | None = Field(description="Longest time that one attempt may take, in seconds.")
    lease_seconds: int | None = Field(description="Seconds without a heartbeat after which a worker counts as dead.")
    retention_seconds: int | None = Field(description="How long a finished job is kept, in seconds.")
    never_retry: list[str] | None = Field(description="Error types that are never retried.")
    expires_seconds: float | None = Field(
        description="Seconds from the due time of its jobs to their expiry; null: they do not expire."
    )
    follow: bool = Field(description="Whether each attempt uses the newest version.")
    limits: LimitsReply | None = Field(description="Limits that its jobs share; null: none.")
    notify: list[str] = Field(description="Names of subscriptions to notify of its jobs.")


class ProfileListReply(Reply):
    """All profiles of the tenant and the built-in ones, sorted by name."""

    items: list[ProfileReply] = Field(description="The profiles.")
    cursor: None = Field(default=None, description=ALWAYS_WHOLE)


def profile_reply(profile: Profile) -> ProfileReply:
    """Show a profile."""
    said, never_retry = profile.policy, profile.policy.get("never_retry")
    return ProfileReply(
        name=profile.name,
        version=profile.version,
        built_in=profile.version is None,
        updated_at=times.to_timestamp(profile.edited_at),
        **shown_queue(profile.queue),
        max_attempts=said.get("max_attempts"),
        backoff=backoff_reply(said),
        timeout_seconds=said.get("timeout_s"),
        lease_seconds=said.get("lease_s"),
        retention_seconds=said.get("retention_s"),
        never_retry=None if never_retry is None else list(never_retry),
        expires_seconds=profile.expires_s,
        follow=profile.follow,
        limits=limits_reply(profile.limit),
        notify=profile.notify.split(),
    )


def backoff_reply(policy: Mapping[str, Any]) -> ProfileBackoffReply:
    """Show the backoff of a profile or a task; what its policy does not say is null."""
    return ProfileBackoffReply(
        base_seconds=policy.get("base_s"),
        factor=policy.get("factor"),
        cap_seconds=policy.get("cap_s"),
        jitter=policy.get("jitter"),
    )
