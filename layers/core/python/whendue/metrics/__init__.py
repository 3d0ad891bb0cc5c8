"""Metrics: what processes count, kept as sums in the table.

Start with `recorder`, then `store`. Imports the engine and below.
"""
