"""What channels are made of: the event that they send, the configuration that they ask for, and one attempt."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from pydantic import BaseModel

from whendue.declarations.schema import Payload
from whendue.outbound.signing import Kind


class Event(BaseModel):
    """What is sent: a delivery's payload.

    Args:
        type: as in `job.succeeded`.
        timestamp: when it happened, RFC 3339.
        data: what it is about.
    """

    type: str
    timestamp: str
    data: dict[str, Any]


class ChannelConfig(Payload):
    """A channel's configuration in camelCase JSON; `signature` says with which kind of key its deliveries are signed.

    The fields named in `BODIES` may have several lines; in all others a line break is an attempt to forge a header.
    """

    BODIES: ClassVar[frozenset[str]] = frozenset()

    @property
    def signed(self) -> Kind | None:
        """The kind of key that it needs; None for a channel that does not sign."""
        return None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt of a delivery.

    Args:
        id: the same for all attempts, and when it is replayed.
        tenant: whose subscription.
        subscription: its name.
        keys: what to sign with, the newest first.
        now_s: the time, seconds since 1970.
        remaining_s: seconds left of this attempt.
        traceparent: the header of that name for the receiver, None where the event belongs to no trace.
    """

    id: str
    tenant: str
    subscription: str
    keys: tuple[str, ...]
    now_s: Callable[[], float]
    remaining_s: Callable[[], float]
    traceparent: str | None = None


class ReceiverGoneError(Exception):
    """The receiver says that it does not want notifications any more: its subscription is disabled."""
