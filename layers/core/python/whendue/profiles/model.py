"""Profiles: named, versioned parts of a policy, and the order in which a job's policy is put together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import Job, Policy, evolve, read_policy, stored_policy
from whendue.quotas import BACKOFF_CAP_S, BACKOFF_FACTOR_MAX, BACKOFF_MIN_S
from whendue.settings import Settings
from whendue.table.items import known

# The queue of a job where neither the request, the profile nor the task says.
QUEUE: Final = "normal"
POLICY_FIELDS: Final = tuple(part.name for part in fields(Policy))
BACKOFF_FIELDS: Final = ("base_s", "factor", "cap_s", "jitter")
REQUEST, PROFILE, TASK, DEFAULT = SOURCES = ("request", "profile", "task", "default")


@dataclass(frozen=True, slots=True)
class Profile:
    """How jobs run that name this profile: what it does not set is left to the task and the defaults.

    Args:
        name: what requests call it.
        policy: the fields of `Policy` that it sets.
        queue: the queue of a job that asks for none.
        limit: how many of its jobs may run at once, and start per second.
        follow: its jobs take the newest version's policy at each claim.
        notify: the subscriptions that its jobs name in addition to their own, separated by spaces.
        expires_s: see `JobRequest.expires_s`, for a job that asks for no expiry.
        version: which version this is, from 1; None for a built-in one.
        edited_at: when this version was made, ms UTC; None for a built-in one.
    """

    name: str
    policy: Mapping[str, Any] = field(default_factory=dict)
    queue: str | None = None
    limit: Limit | None = None
    follow: bool = False
    notify: str = ""
    expires_s: float | None = None
    version: int | None = None
    edited_at: int | None = None


PROFILES: Final[Mapping[str, Profile]] = MappingProxyType(
    {
        profile.name: profile
        for profile in (
            Profile("default"),
            Profile("patient", {"max_attempts": 12, "base_s": 30, "cap_s": 6 * 3600}),
            Profile("once", {"max_attempts": 1}),
        )
    }
)


class Resolved(NamedTuple):
    """A policy, and where each of its fields comes from.

    Args:
        policy: the whole.
        sources: the first letter of each field's source, in the order of the fields; None: all are defaults.
    """

    policy: Policy
    sources: str | None


def default_policy(settings: Settings) -> Policy:
    """Return the policy of a job for which neither request, profile nor task says anything."""
    return Policy(lease_s=settings.lease_s, timeout_s=min(Policy().timeout_s, settings.max_timeout_s))


def check_timeout(settings: Settings, queue: str | None, *, whose: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a timeout that is longer than any worker of a queue has: 900 s where functions run jobs.

    A worker needs the last seconds to record what it ran: a timeout that asks for them is shortened, visibly.

    Args:
        settings: the deployment's.
        queue: the queue; None for any that has workers for it.
        whose: the parts of a policy by their source; the first that has a timeout counts.

    Raises:
        TimeoutTooLongError: the timeout is too long; see `Settings.check_timeout`.
    """
    for who, said in whose.items():
        if "timeout_s" in said:
            settings.check_timeout(said["timeout_s"], queue, who)
            return


def accepted_policy(
    settings: Settings,
    queue: str,
    *,
    task: str,
    task_policy: Mapping[str, Any],
    profile: Profile,
    request: Mapping[str, Any],
) -> Resolved:
    """Put together the policy of a new job that runs code of users.

    Args:
        settings: the deployment's.
        queue: the job's.
        task: the task's name.
        task_policy: what the task asks for.
        profile: the profile.
        request: what the request asks for.

    Raises:
        TimeoutTooLongError: an attempt may take longer than a worker of the queue has.
    """
    check_timeout(
        settings,
        queue,
        whose={
            "the request": request,
            f"the profile {profile.name!r}": profile.policy,
            f"the task {task!r}": task_policy,
        },
    )
    return kept_policy(settings, queue, task_policy=task_policy, profile=profile, request=request)


def kept_policy(
    settings: Settings, queue: str, *, task_policy: Mapping[str, Any], profile: Profile, request: Mapping[str, Any]
) -> Resolved:
    """Put a policy together whose timeout is whatever a worker has at most; arguments as of `accepted_policy`."""
    policy, sources = resolve(default_policy(settings), task=task_policy, profile=profile.policy, request=request)
    return Resolved(replace(policy, timeout_s=min(policy.timeout_s, settings.longest_attempt_s(queue))), sources)


def resolve(
    default: Policy, *, task: Mapping[str, Any], profile: Mapping[str, Any], request: Mapping[str, Any]
) -> Resolved:
    """Put a policy together: the request wins over the profile, the profile over the task, the task over the default.

    Raises:
        ValueError: a layer names something that a policy does not have.
    """
    layers = {REQUEST: request, PROFILE: profile, TASK: task}
    if unknown := {name for layer in layers.values() for name in layer} - set(POLICY_FIELDS):
        raise ValueError(f"a policy has no {', '.join(sorted(unknown))}")
    sources = [next((source for source, layer in layers.items() if name in layer), DEFAULT) for name in POLICY_FIELDS]
    policy = bounded(replace(default, **dict(task) | dict(profile) | dict(request)))
    return Resolved(policy, "".join(source[0] for source in sources) if set(sources) != {DEFAULT} else None)


def bounded(policy: Policy) -> Policy:
    """Return the policy with its numbers in bounds: those of a task or an older version may be out of them."""
    base_s = _within(BACKOFF_MIN_S, policy.base_s, BACKOFF_CAP_S)
    cap_s = _within(BACKOFF_MIN_S, policy.cap_s, BACKOFF_CAP_S)
    factor = _within(1, policy.factor, BACKOFF_FACTOR_MAX)
    if (base_s, cap_s, factor) == (policy.base_s, policy.cap_s, policy.factor):
        return policy
    return replace(policy, base_s=base_s, cap_s=cap_s, factor=factor)


def _within(least: float, value: float, most: float) -> float:
    """Return the nearest number within bounds; `least` for NaN."""
    return min(value, most) if value >= least else least


def sources_of(job: Job) -> dict[str, str]:
    """Return the source of each field of the job's policy: request, profile, task or default."""
    # An older version may have written fewer letters than there are fields now, a newer one more.
    letters = (job.sources or "").ljust(len(POLICY_FIELDS), DEFAULT[0])
    named = {source[0]: source for source in SOURCES}
    return {name: named[letter] for name, letter in zip(POLICY_FIELDS, letters, strict=False)}


def task_decides(job: Job, names: Iterable[str]) -> bool:
    """Return whether neither the request nor the profile sets any of these fields of the job's policy."""
    sources = sources_of(job)
    return all(sources[name] in (TASK, DEFAULT) for name in names)


def followed(job: Job, newest: Profile, *, default: Policy, task: Mapping[str, Any]) -> Job:
    """Return a following job with the policy of its profile's newest version; never of an older one than it has."""
    if newest.version is None or newest.version <= (job.profile_version or 0):
        return job
    asked = {name: getattr(job.policy, name) for name, source in sources_of(job).items() if source == REQUEST}
    policy, sources = resolve(default, task=task, profile=newest.policy, request=asked)
    return evolve(job, policy=policy, sources=sources, profile_version=newest.version)


def to_content(profile: Profile) -> dict[str, Any]:
    """Write what a profile says as one map of the table; what it does not set is left out."""
    limit = {name: getattr(profile.limit, name) for name in Limit.__slots__} if profile.limit else {}
    content = {
        "policy": stored_policy(profile.policy),
        "queue": profile.queue,
        "limit": {name: value for name, value in limit.items() if value is not None},
        "follow": profile.follow,
        "notify": profile.notify,
        "expires_s": profile.expires_s,
    }
    return {name: value for name, value in content.items() if value}


def live(item: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """Return the item of a profile or a version; None if it is missing or marks the profile as deleted."""
    return None if item is None or item["deleted"] else item


def from_item(name: str, item: Mapping[str, Any]) -> Profile:
    """Read a profile from its item, or from the item of one of its versions."""
    content = item["content"]
    limit = known(Limit, content.get("limit", {}))
    return Profile(
        name,
        policy=read_policy(content.get("policy", {})),
        queue=content.get("queue"),
        limit=Limit(**limit) if limit else None,
        follow=content.get("follow", False),
        notify=content.get("notify", ""),
        expires_s=content.get("expires_s"),
        version=item["version"],
        edited_at=item["edited_at"],
    )
