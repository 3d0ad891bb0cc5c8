"""Who asks in direct mode: what the code names that holds the IAM permissions, not what a token says."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from whendue.adapters.auth import ADMIN, METRICS, OPERATOR, READ, TENANT, WRITE, Identity
from whendue.quotas import SUBJECT_BYTES
from whendue.support.text import is_line

# Everything of one's own tenant.
OWN: Final = frozenset({ADMIN})
# And of what all tenants share.
ALL: Final = frozenset({READ, WRITE, ADMIN, OPERATOR, METRICS})


def identity_of(tenant: str, scopes: Iterable[str], subject: str | None) -> Identity:
    """Return the identity that requests have.

    Args:
        tenant: whose jobs they are about.
        scopes: what they may do.
        subject: who is named as the one who asks, in pauses and the like. Default: the tenant.

    Raises:
        ValueError: a token could not have them either.
    """
    if not isinstance(tenant, str) or not TENANT.fullmatch(tenant):
        raise ValueError("tenant must be 1 to 64 letters, digits, dots, underscores and hyphens")
    given = {scopes} if isinstance(scopes, str) else set(scopes)
    if unknown := sorted(map(str, given - ALL)):
        raise ValueError(f"scopes has {', '.join(unknown)}; they must be of {', '.join(sorted(ALL))}")
    name = subject or ""
    if len(name.encode(errors="replace")) > SUBJECT_BYTES or not is_line(name):
        raise ValueError(f"subject must be one line of at most {SUBJECT_BYTES} bytes")
    return Identity(tenant, name, frozenset(given))


@dataclass(frozen=True, slots=True)
class GivenIdentity:
    """Takes the part of `Verifier`: each request has one identity, and no token.

    Args:
        identity: the identity.
    """

    identity: Identity

    def prepare(self) -> None:
        """Prepare nothing: no token is verified."""

    def verify(self, authorization: str | None) -> Identity:  # noqa: ARG002 - the verifier's
        """Return the identity."""
        return self.identity
