"""W3C Trace Context: what is a traceparent, and that anything else is ignored.

https://www.w3.org/TR/trace-context/#traceparent-header
"""

import pytest

from tests.builders.traces import GOOD, PARENT, TRACE
from whendue.tracing.traceparent import traceparent


@pytest.mark.parametrize(
    ("header", "read"),
    [
        (GOOD, GOOD),
        (f" {GOOD}\t", GOOD),
        (f"00-{TRACE}-{PARENT}-00", f"00-{TRACE}-{PARENT}-00"),
        # Flags that version 00 does not know are not passed on.
        (f"00-{TRACE}-{PARENT}-ff", GOOD),
        # A later version: its ids and the sampled flag count, whatever else it has.
        (f"cc-{TRACE}-{PARENT}-01", GOOD),
        (f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like", GOOD),
    ],
)
def test_a_traceparent_is_read(header: str, read: str) -> None:
    """It is handed on as version 00, the one that we speak."""
    assert traceparent(header) == read


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "garbage",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-1",
        f"00-{TRACE}-{PARENT}",
        f"00-{TRACE[1:]}-{PARENT}-01",
        f"00-{TRACE}-{PARENT}-01-more",
        f"00-{TRACE}-{PARENT}-01-",
        f"cc-{TRACE}-{PARENT}-01.more",
        f"{GOOD},{GOOD}",
        f"{GOOD}\n",
        f"00-{TRACE}-{PARENT}-0\u0661",
    ],
)
def test_what_is_none_is_ignored(header: str | None) -> None:
    """A malformed header must not fail the request, nor get into one of ours."""
    assert traceparent(header) is None
