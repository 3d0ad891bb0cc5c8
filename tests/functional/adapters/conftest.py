"""Fixtures: contexts of attempts, and resources that end with their test."""

from tests.builders.task_fixtures import context, provided

__all__ = ["context", "provided"]
