"""Profiles: named policies that a request chooses from, and the order in which a job's policy is put together."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Final

from whendue.domain.job import Policy
from whendue.domain.limit import Limit
from whendue.errors import UnknownProfileError


@dataclass(frozen=True, slots=True)
class Profile:
    """How jobs run that name this profile.

    Args:
        name: what requests call it.
        policy: attempts, backoff, timeout, lease, retention.
        queue: the priority of a job that asks for none.
        limit: how many of its jobs run at once and start per second.
    """

    name: str
    policy: Policy = field(default_factory=Policy)
    queue: str = "normal"
    limit: Limit | None = None


PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile("default"),
            Profile("patient", Policy(max_attempts=12, base_s=30, cap_s=6 * 3600)),
            Profile("once", Policy(max_attempts=1)),
        )
    }
)


def profile_named(name: str) -> Profile:
    """Find a profile.

    Raises:
        UnknownProfileError: none has this name.
    """
    try:
        return PROFILES[name]
    except KeyError:
        raise UnknownProfileError(f"no profile is called {name!r}", profiles=sorted(PROFILES)) from None


def resolve(profile: Profile, *overrides: Mapping[str, Any]) -> Policy:
    """Put a policy together: each override wins over the ones before it, and all over the profile.

    Raises:
        ValueError: an override names something that a policy does not have.
    """
    known = {known.name for known in fields(Policy)}
    policy = profile.policy
    for override in overrides:
        if unknown := set(override) - known:
            raise ValueError(f"a policy has no {', '.join(sorted(unknown))}")
        policy = replace(policy, **override)
    return policy
