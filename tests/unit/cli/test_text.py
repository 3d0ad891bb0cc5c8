"""Text of others sends no commands to a terminal."""

from hypothesis import given
from hypothesis import strategies as st

from whendue.cli.text import printable


@given(st.text())
def test_what_is_written_is_one_printable_line(text: str) -> None:
    """Whatever it was; and what was printable stays as it is."""
    written = printable(text)
    assert written.isprintable()
    assert (written == text) == text.isprintable()
