"""Profiles as the API takes and shows them."""

from typing import Literal, Self

from pydantic import Field, model_validator

from functions.api.http import times
from functions.api.schemas.job_replies import LimitsReply, limits_reply
from functions.api.schemas.job_requests import LimitsBody, Names, PolicyBody, Priority
from functions.api.schemas.reply import Reply, Time
from whendue.profiles.model import Profile
from whendue.submission.request import joined


class ProfileLimitsBody(LimitsBody):
    """The limits of a profile's jobs; a key alone limits nothing."""

    @model_validator(mode="after")
    def _limits_something(self) -> Self:
        if self.concurrency is None and self.rate_per_second is None:
            raise ValueError("give concurrency, ratePerSecond or both")
        return self


class ProfileBody(PolicyBody):
    """A profile: what it does not say is left to the task and the defaults."""

    priority: Priority | None = Field(default=None, description="Of jobs that ask for none.")
    follow: bool = Field(default=False, description="Its jobs take the newest version's policy at each claim.")
    limits: ProfileLimitsBody | None = Field(
        default=None, description="Of all its jobs together, from the next claim on."
    )
    notify: Names = Field(default_factory=list)

    def profile(self, name: str) -> Profile:
        """Give the profile as the service takes it."""
        limit = self.limits.limit() if self.limits else None
        return Profile(
            name,
            policy=self.policy(),
            queue=self.priority,
            limit=limit,
            follow=self.follow,
            notify=joined(*self.notify),
        )


class ShownBackoff(Reply):
    """What a profile says about the time between attempts."""

    base_seconds: float | None
    factor: float | None
    cap_seconds: float | None
    jitter: Literal["full", "none"] | None


class ProfileReply(Reply):
    """A profile; null is what it leaves to the task and the defaults."""

    name: str
    version: int | None = Field(description="Null for a built-in profile.")
    built_in: bool
    edited_at: Time | None
    priority: str | None
    max_attempts: int | None
    backoff: ShownBackoff
    timeout_seconds: int | None
    lease_seconds: int | None
    retention_seconds: int | None
    never_retry: list[str] | None
    follow: bool
    limits: LimitsReply | None
    notify: list[str]


class ProfileListReply(Reply):
    """All profiles of a tenant, the built-in ones included, by name; the cursor is always null."""

    items: list[ProfileReply]
    cursor: None = None


def profile_reply(profile: Profile) -> ProfileReply:
    """Show a profile."""
    said, never_retry = profile.policy, profile.policy.get("never_retry")
    return ProfileReply(
        name=profile.name,
        version=profile.version,
        built_in=profile.version is None,
        edited_at=times.to_timestamp(profile.edited_at),
        priority=profile.queue,
        max_attempts=said.get("max_attempts"),
        backoff=ShownBackoff(
            base_seconds=said.get("base_s"),
            factor=said.get("factor"),
            cap_seconds=said.get("cap_s"),
            jitter=said.get("jitter"),
        ),
        timeout_seconds=said.get("timeout_s"),
        lease_seconds=said.get("lease_s"),
        retention_seconds=said.get("retention_s"),
        never_retry=None if never_retry is None else list(never_retry),
        follow=profile.follow,
        limits=limits_reply(profile.limit),
        notify=profile.notify.split(),
    )
