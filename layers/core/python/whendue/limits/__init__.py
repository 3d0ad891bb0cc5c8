"""Limits: how many jobs of a key run at once and start per second, and overlap policies.

Start with `limiter`. Imports schedules, profiles and below.
"""
