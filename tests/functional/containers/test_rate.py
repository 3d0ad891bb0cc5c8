"""How many a second."""

from whendue.containers.rate import Rate


def test_a_rate_is_that_of_the_last_second_or_of_this_one() -> None:
    """A burst counts at once, and is forgotten after two seconds without any."""
    rate = Rate()
    assert rate.per_s(0) == 0
    rate.add(3, 1000)
    rate.add(4, 1999)
    assert [rate.per_s(now_ms) for now_ms in (1999, 2000, 2999, 3000, 9000)] == [7, 7, 7, 0, 0]
    rate.add(9, 9001)
    assert rate.per_s(9001) == 9
