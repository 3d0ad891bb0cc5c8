"""Metrics: what processes count and consume, kept as sums in the table; what that costs by list prices.

Start with `recorder`, then `store`; `consumption` and `usage` are about cost. Imports the engine and below.
"""
