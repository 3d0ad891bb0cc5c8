"""Backfills: the jobs of a past range, made a chunk at a time. `service` begins, continues and ends them.

Start with `model`. Imports what the package above it may.
"""
