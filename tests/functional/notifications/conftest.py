"""Fixtures: a world with the shipped channels, and a receiver on loopback."""

from tests.builders.notified_fixtures import provided, web, world

__all__ = ["provided", "web", "world"]
