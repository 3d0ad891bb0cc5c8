"""Bulk operations: one request that cancels, redrives, moves or deletes many jobs, piece by piece.

Start with `model`, which is pure, then `service`. Imports operations and below.
"""
