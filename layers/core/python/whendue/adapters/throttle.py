"""Retries of AWS calls: which errors pass by themselves, and how long to wait for them."""

from collections.abc import Iterator

from botocore.exceptions import ConnectionError as NotConnectedError
from botocore.exceptions import HTTPClientError

from whendue.support.clock import Clock

# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Programming.Errors.html
# ResourceNotFoundException: a table that is being made, or restored; health says so while it lasts.
PASSING = frozenset(
    {
        "InternalServerError",
        "InternalFailure",
        "InternalError",
        "ItemCollectionInProgress",
        "LimitExceededException",
        "ProvisionedThroughputExceeded",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "ResourceNotFoundException",
        "ServiceUnavailable",
        "SlowDown",
        "Throttling",
        "ThrottlingError",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionConflict",
        "TransactionConflictException",
        "TransactionInProgressException",
    }
)
# Nothing reached AWS, or its reply did not reach us: two branches of botocore's tree.
NETWORK_ERRORS = (HTTPClientError, NotConnectedError)
TRIES = 6
BASE_S = 0.05
CAP_S = 1.6


def backoff_attempts(clock: Clock) -> Iterator[int]:
    """Number the tries; sleep before each but the first, with full jitter and growing bounds (4 s in all at most).

    Source: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """
    for number in range(TRIES):
        if number:
            clock.sleep(clock.random() * min(CAP_S, BASE_S * 2**number))
        yield number


def is_retryable(code: str) -> bool:
    """Return whether an error code is transient."""
    return code in PASSING
