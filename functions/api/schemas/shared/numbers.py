"""Numbers that the API takes: each type has the bounds of what it means, and is one that the table holds exactly.

The table holds 38 digits from 1E-130 on (`whendue.quotas`); times are kept in milliseconds.
"""

from decimal import ROUND_CEILING, Decimal
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from whendue.quotas import (
    BACKOFF_CAP_S,
    BACKOFF_FACTOR_MAX,
    BACKOFF_MIN_S,
    EXPIRES_MIN_S,
    HORIZON_S,
    LIMIT_RATE_MIN_PER_S,
    LIMIT_RATE_PER_S,
    REDRIVE_RATE_MIN_PER_S,
    REDRIVE_RATE_PER_S,
)

MILLISECOND: Final = Decimal("0.001")


def _whole_milliseconds(seconds: float) -> float:
    """Round up to milliseconds: never early, and no -0.0."""
    if seconds == round(seconds, 3):
        return seconds + 0.0
    return float(Decimal(str(seconds)).quantize(MILLISECOND, ROUND_CEILING))


# Of whichever bounds: whole milliseconds, rounded up.
Milliseconds: Final = AfterValidator(_whole_milliseconds)
Delay = Annotated[float, Field(ge=0, le=HORIZON_S), Milliseconds]
Expiry = Annotated[float, Field(ge=EXPIRES_MIN_S, le=HORIZON_S), Milliseconds]
BackoffSeconds = Annotated[float, Field(ge=BACKOFF_MIN_S, le=BACKOFF_CAP_S), Milliseconds]
BackoffFactor = Annotated[float, Field(ge=1, le=BACKOFF_FACTOR_MAX)]
StartRate = Annotated[float, Field(ge=LIMIT_RATE_MIN_PER_S, le=LIMIT_RATE_PER_S)]
RedriveRate = Annotated[float, Field(ge=REDRIVE_RATE_MIN_PER_S, le=REDRIVE_RATE_PER_S)]
