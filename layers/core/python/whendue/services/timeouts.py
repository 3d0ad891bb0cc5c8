"""Timeouts that the workers of this deployment can keep; no other is accepted."""

from collections.abc import Mapping
from typing import Any

from whendue.domain.job import Policy
from whendue.errors import InvalidRequestError
from whendue.settings import Settings


def default_policy(settings: Settings) -> Policy:
    """Return the policy of a job for which neither request, profile nor task says anything."""
    return Policy(lease_s=settings.lease_s, timeout_s=min(Policy().timeout_s, settings.max_timeout_s))


def check_timeout(settings: Settings, *, whose: Mapping[str, Mapping[str, Any]]) -> None:
    """Refuse a timeout that is longer than any worker has.

    Args:
        settings: the deployment's.
        whose: the parts of a policy, by who says them; the first that has a timeout counts.

    Raises:
        InvalidRequestError: the timeout is too long; the message has the limit and who asks for it.
    """
    for who, said in whose.items():
        if "timeout_s" not in said:
            continue
        if said["timeout_s"] > settings.max_timeout_s:
            problem = (
                f"{who} asks for {said['timeout_s']} s; the workers of this deployment have "
                f"{settings.max_timeout_s} s for an attempt at most"
            )
            where = [{"where": "timeoutSeconds", "problem": problem}]
            raise InvalidRequestError(f"timeoutSeconds is too long: {problem}", errors=where)
        return
