"""Whatever `explain` says of a job comes true: every cause and state, in a world that then runs on."""

import pytest

from tests.simulation import causes_running, causes_waiting
from tests.simulation.explaining import Row, played
from whendue.inspection.causes import Cause
from whendue.inspection.explain_end_rules import MEANINGS
from whendue.jobs.model import SHOWN_STATES

ROWS = (*causes_waiting.ROWS, *causes_running.ROWS)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_what_explain_says_comes_true(row: Row) -> None:
    """It is asked in that situation, and the world shows whether it was right."""
    played(row)


def test_the_table_is_complete() -> None:
    """Every cause that the code can name, every state that a job is shown in, every error that has a meaning."""
    assert {row.cause for row in ROWS} == set(Cause)
    assert {row.shown for row in ROWS} == set(SHOWN_STATES)
    assert {row.error for row in ROWS} >= set(MEANINGS)
