"""Fixture: a world behind handlers."""

import pytest

from tests.builders.handled import Handled


@pytest.fixture
def world() -> Handled:
    return Handled()
