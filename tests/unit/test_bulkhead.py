"""Bulkheads: one item's error is its own, whatever it is; it costs little, and it is said."""

from collections.abc import Sequence

import pytest

from tests.builders.exceptions import EXCEPTIONS
from whendue.bulkhead import DESCRIBED, Bulkhead
from whendue.errors import UnavailableError


@pytest.mark.parametrize("name", EXCEPTIONS)
@pytest.mark.parametrize("bad", [{0}, {99}, {3, 4, 50}])
def test_who_raises_together_with_others_is_found_and_the_others_are_done(name: str, bad: set[int]) -> None:
    """About twice the logarithm of calls for each that raises."""
    bulkhead, calls = Bulkhead(), [0]

    def function(part: Sequence[int]) -> list[int]:
        calls[0] += 1
        if bad & set(part):
            raise EXCEPTIONS[name]
        return list(part)

    apart = bulkhead.together(range(100), function, stage="test")
    assert [number for each in apart.results for number in each] == [n for n in range(100) if n not in bad]
    assert apart.failed == [(number, EXCEPTIONS[name]) for number in sorted(bad)]
    assert calls[0] <= 1 + 16 * len(bad)
    taken = bulkhead.take()
    assert taken["isolated_errors"] == len(bad)
    assert {error["error_type"] for error in taken["isolated"]} == {type(EXCEPTIONS[name]).__name__}


def test_without_an_error_there_is_one_call_and_none_for_nobody() -> None:
    """It costs nothing while all is well."""
    calls: list[int] = []
    Bulkhead().together(range(100), lambda part: calls.append(len(part)), stage="test")
    assert Bulkhead().together([], lambda part: calls.append(len(part)), stage="test").results == []
    assert calls == [100]


def test_what_is_unavailable_passes_and_what_kills_kills() -> None:
    """It is no fault of one item."""

    def unavailable(_: object) -> None:
        raise UnavailableError

    def killed(_: object) -> None:
        raise KeyboardInterrupt

    for error, function in ((UnavailableError, unavailable), (KeyboardInterrupt, killed)):
        with pytest.raises(error):
            Bulkhead().together([1, 2], function, stage="test")
        with pytest.raises(error):
            Bulkhead().each([1, 2], function, stage="test")


def test_many_errors_are_counted_and_the_first_are_described() -> None:
    """A log line has an end."""
    bulkhead = Bulkhead()
    for number in range(DESCRIBED + 5):
        bulkhead.note("test", str(number), ValueError())
    taken = bulkhead.take()
    assert (taken["isolated_errors"], len(taken["isolated"])) == (DESCRIBED + 5, DESCRIBED)
    assert bulkhead.take() == {}
