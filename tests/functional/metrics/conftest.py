"""Fixtures: a world behind handlers, and what it logs."""

from collections.abc import Iterator
from io import StringIO
from logging import StreamHandler

import pytest

from functions import log
from tests.builders.handled import Handled


@pytest.fixture
def world() -> Handled:
    return Handled()


@pytest.fixture
def logged() -> Iterator[StringIO]:
    """What the functions log: Powertools' handler keeps the stream that it began with."""
    handler = log._logger().registered_handler
    assert isinstance(handler, StreamHandler)
    before = handler.setStream(stream := StringIO())
    yield stream
    handler.setStream(before)
