"""whendue.client.retry_policy: the bounds of the waits, for every chance."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from whendue.client import ApiError, Problem, RetryPolicy, TransportError, UnavailableError
from whendue.client.retry_policy import is_temporary, may_be_repeated, wait_s

ERROR = TransportError("x")
CHANCES = st.floats(0, 1, exclude_max=True)


def refused(retry_after_s: float) -> ApiError:
    error = UnavailableError(Problem(status=503, code="unavailable"))
    error.retry_after_s = retry_after_s
    return error


@given(CHANCES, st.integers(1, 50))
def test_a_wait_is_between_zero_and_its_bound(chance: float, attempt: int) -> None:
    """The bound doubles up to the cap."""
    policy = RetryPolicy(attempts=100, base_s=0.5, cap_s=10, total_s=1e9)
    assert wait_s(policy, ERROR, attempt, 0, chance) == chance * min(10, 0.5 * 2 ** (attempt - 1))


@given(CHANCES, st.floats(0, 1000))
def test_nobody_comes_before_retry_after(chance: float, retry_after_s: float) -> None:
    """Nor much later, nor all at the same time."""
    wait = wait_s(RetryPolicy(total_s=1e9), refused(retry_after_s), 1, 0, chance)
    assert wait is not None
    assert wait == chance * 0.25 + retry_after_s


@pytest.mark.parametrize(
    ("attempt", "elapsed_s", "retry_after_s", "waits"),
    [(4, 0, 0, True), (5, 0, 0, False), (1, 59.9, 0, True), (1, 60, 0, False), (1, 0, 59, True), (1, 0, 60, False)],
)
def test_attempts_and_time_have_an_end(attempt: int, elapsed_s: float, retry_after_s: float, waits: bool) -> None:
    """By default 5 attempts in 60 s; a wait is not begun that would end later."""
    assert (wait_s(RetryPolicy(), refused(retry_after_s), attempt, elapsed_s, 0) is not None) == waits


@pytest.mark.parametrize(
    "wrong",
    [{"attempts": 0}, {"base_s": -1}, {"cap_s": -1}, {"total_s": 0}, {"total_s": float("inf")}],
    ids=str,
)
def test_a_policy_without_an_end_is_refused(wrong: dict[str, Any]) -> None:
    """When it is made, not in the middle of an outage."""
    with pytest.raises(ValueError, match="attempts must be"):
        RetryPolicy(**wrong)


def test_server_errors_of_an_authorization_server_are_temporary() -> None:
    """Its refusals are not."""
    assert [status for status in (400, 401, 403, 429, 500, 503) if is_temporary(status)] == [429, 500, 503]
    assert not may_be_repeated(ApiError(Problem(status=500, code="internal_error")), repeatable=True)
