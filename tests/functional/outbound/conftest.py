"""Fixture: a loopback server."""

from tests.builders.task_fixtures import web

__all__ = ["web"]
