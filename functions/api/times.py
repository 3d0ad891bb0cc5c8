"""Times as the API writes and reads them: RFC 3339, UTC, milliseconds."""

import re
from datetime import datetime, timedelta

from whendue.domain.instant import EPOCH, written

__all__ = ["read", "written"]

RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)")


def read(text: str) -> int:
    """Read an instant with its offset, to milliseconds since 1970, rounded up: never early.

    Raises:
        ValueError: it is not RFC 3339, or there is no such time.
    """
    if not RFC_3339.fullmatch(text):
        raise ValueError("must be an RFC 3339 time with an offset, as in 2026-11-23T20:00:00Z")
    since = datetime.fromisoformat(text.upper()) - EPOCH
    return -(-since // timedelta(milliseconds=1))
