"""The pool without threads: one call after the other, and the same errors as with threads."""

from functools import partial

import pytest

from whendue.engine.pool import InlinePool


def test_calls_run_in_order_and_an_error_is_raised_once_all_have_ended() -> None:
    """A run can be repeated exactly."""
    ended: list[int] = []

    def call(number: int) -> int:
        ended.append(number)
        if number in (1, 2):
            raise ValueError(number)
        return -number

    with pytest.raises(ValueError, match="1"):
        InlinePool().run([partial(call, number) for number in range(4)])
    assert ended == [0, 1, 2, 3]
    assert InlinePool().run([partial(call, number) for number in (3, 0)]) == [-3, 0]
