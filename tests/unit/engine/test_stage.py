"""What stages return, put together into the result of a batch."""

from hypothesis import given
from hypothesis import strategies as st

from whendue.engine.ports import ReceivedMessage
from whendue.engine.stage import Left, Stage, batch_result, done, joined, kept


def message(number: int) -> ReceivedMessage:
    return ReceivedMessage(id=str(number), receipt=f"receipt-{number}", body="", receive_count=1, queue="normal")


def test_messages_that_are_kept_stay_and_outcomes_are_counted() -> None:
    left = [done(message(0), "succeeded"), kept(message(1), "early"), kept(message(2)), done(message(3), "succeeded")]
    result = batch_result([*left, done(message(4))])
    assert result.unsettled == ["1", "2"]
    assert result.counts == {"succeeded": 2, "early": 1}


lefts = st.builds(Left, st.integers(0, 99).map(message), st.sampled_from([None, "early", "paused"]), st.booleans())
stages = st.builds(Stage, st.lists(st.integers()), st.lists(lefts))


@given(st.lists(stages))
def test_stages_of_different_items_joined_lose_nothing(several: list[Stage[int]]) -> None:
    whole = joined(several)
    assert whole.passed == [item for stage in several for item in stage.passed]
    assert batch_result(whole.left) == batch_result(left for stage in several for left in stage.left)
