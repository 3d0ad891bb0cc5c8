"""Histories: what happened to a job, from its submit on, read from what is stored anyway.

Start with `events`, which is pure, then `reader`. Imports operations and below.
"""
