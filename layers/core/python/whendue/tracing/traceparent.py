"""The header `traceparent` of W3C Trace Context: carried from request to job to what the job calls.

Source: https://www.w3.org/TR/trace-context/#traceparent-header. `tracestate` is not carried: with up to 512 bytes it
would not leave a job's hot item in one write unit.
"""

import re
from typing import Final

_HEADER: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SAMPLED: Final = 0x01


def traceparent(header: str | None) -> str | None:
    """Read a header; None where there is none, or a malformed one, which is to be ignored.

    A header of a later version counts as far as this one understands it: its ids, and whether it is sampled.
    """
    match = _HEADER.fullmatch((header or "").strip(" \t"))
    if match is None:
        return None
    version, trace, parent, flags, more = match.groups()
    if version == "ff" or (version == "00" and more is not None) or not int(trace, 16) or not int(parent, 16):
        return None
    return f"00-{trace}-{parent}-{int(flags, 16) & _SAMPLED:02x}"
