"""The page about containers says what the command takes, and what it says is so."""

import argparse
import re
from pathlib import Path

import pytest

from whendue.cli.processes import _parser
from whendue.settings import WEIGHTS

PAGE = (Path(__file__).parents[2] / "docs/operations/containers.md").read_text()
COMMANDS = next(action.choices for action in _parser()._actions if isinstance(action, argparse._SubParsersAction))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_and_its_default_is_documented(command: str) -> None:
    """A user finds them without running it."""
    assert f"\nwhendue {command} " in PAGE
    for action in COMMANDS[command]._actions:
        for option in set(action.option_strings) - {"-h", "--help"}:
            [row] = re.findall(rf"^\| .*`{option}`.*\|$", PAGE, re.MULTILINE)
            assert action.default is None or str(action.default) in row


def test_the_wait_of_the_lightest_queue_is_as_bounded_as_the_page_says() -> None:
    """By the law that tests/property/test_queue_selector_laws.py holds the rota to."""
    [documented] = re.findall(r"`low` has a turn\s+after\s+at\s+most\s+(\d+)\s+turns\s+of\s+others", PAGE)
    assert int(documented) == sum(weight + 1 for queue, weight in WEIGHTS.items() if queue != "low")
    for queue in WEIGHTS:
        assert f"`{queue}`" in PAGE
