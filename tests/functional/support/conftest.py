"""Fixtures: a world with the shipped channels."""

from tests.builders.notified_fixtures import provided, world

__all__ = ["provided", "world"]
