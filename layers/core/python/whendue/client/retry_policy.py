"""When a request is sent again: pure."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from whendue.client.errors import (
    ApiError,
    ClientError,
    TokenError,
    TooManyRequestsError,
    TransportError,
    UnavailableError,
)

DOUBLING: Final = 2


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and for how long a request is sent again.

    Args:
        attempts: maximum number of times that a request is sent, the first one included; 1 never sends it again.
        base_s: the wait before the second attempt is between 0 and this many seconds; it doubles with each attempt.
        cap_s: longest such wait, seconds.
        total_s: a call ends this many seconds after it began, waits and attempts together.
    """

    attempts: int = 5
    base_s: float = 0.25
    cap_s: float = 8.0
    total_s: float = 60.0

    def __post_init__(self) -> None:
        """Refuse a policy that would never send anything, or wait forever."""
        if self.attempts < 1 or min(self.base_s, self.cap_s) < 0 or not 0 < self.total_s < float("inf"):
            raise ValueError("attempts must be 1 or more, base_s and cap_s 0 or more, and total_s over 0 and finite")


def may_be_repeated(error: ClientError, *, repeatable: bool) -> bool:
    """Return whether a request that failed may be sent again, and may then succeed.

    Args:
        error: how it failed.
        repeatable: whether it may be carried out twice.
    """
    match error:
        case TransportError():
            return repeatable or not error.sent
        case TokenError():
            # Nothing was sent to the API.
            return error.temporary
        case TooManyRequestsError():
            # The gateway has refused it before anything was done.
            return True
        case UnavailableError():
            return repeatable
        case _:
            return False


def is_temporary(status: int) -> bool:
    """Return whether a status of an authorization server may be another one soon."""
    return status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR


def wait_s(policy: RetryPolicy, error: ClientError, attempt: int, elapsed_s: float, chance: float) -> float | None:
    """Return how many seconds to wait before the next attempt; None if there is no time or no attempt left.

    Full jitter: any wait from 0 to the computed one is as likely, so that clients that failed together do not come back
    together (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/). It is added to Retry-After.

    Args:
        policy: the bounds.
        error: of the last attempt.
        attempt: its number, from 1.
        elapsed_s: seconds since the call began.
        chance: a number from [0, 1).
    """
    if attempt >= policy.attempts:
        return None
    wait = chance * min(policy.cap_s, policy.base_s * DOUBLING ** (attempt - 1))
    if isinstance(error, ApiError) and error.retry_after_s is not None:
        wait += error.retry_after_s
    return wait if elapsed_s + wait < policy.total_s else None
