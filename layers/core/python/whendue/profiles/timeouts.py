"""Timeouts that the workers of this deployment can keep; no other is accepted."""

from collections.abc import Mapping
from typing import Any

from whendue.errors import InvalidRequestError
from whendue.jobs.model import Policy
from whendue.quotas import TIMEOUT_S, WORKER_RESERVE_S
from whendue.settings import Settings


def default_policy(settings: Settings) -> Policy:
    """Return the policy of a job for which neither request, profile nor task says anything."""
    return Policy(lease_s=settings.lease_s, timeout_s=min(Policy().timeout_s, settings.max_timeout_s))


def check_timeout(settings: Settings, *, whose: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a timeout that is longer than any worker has: 900 s where functions run jobs.

    Of the last seconds a worker needs some to record what it ran: whoever asks for them gets what is left, and sees it.

    Args:
        settings: the deployment's.
        whose: the parts of a policy, by who says them; the first that has a timeout counts.

    Raises:
        InvalidRequestError: the timeout is too long; the message has the limit and who asks for it.
    """
    for who, said in whose.items():
        if "timeout_s" not in said:
            continue
        limit_s = min(settings.max_timeout_s + WORKER_RESERVE_S, TIMEOUT_S)
        if said["timeout_s"] > limit_s:
            problem = f"{who} asks for {said['timeout_s']} s; a worker of this deployment runs for {limit_s} s at most"
            where = [{"where": "timeoutSeconds", "problem": problem}]
            raise InvalidRequestError(f"timeoutSeconds is too long: {problem}", errors=where)
        return
