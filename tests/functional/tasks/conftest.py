"""Fixtures: contexts of attempts, a loopback server, and resources that end with their test."""

from tests.builders.task_fixtures import context, provided, web

__all__ = ["context", "provided", "web"]
