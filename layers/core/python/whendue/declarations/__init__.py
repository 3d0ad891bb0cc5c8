"""Declarations: the tasks and channels that users declare, found, checked and validated.

Start with `registry`. Imports jobs and below.
"""
