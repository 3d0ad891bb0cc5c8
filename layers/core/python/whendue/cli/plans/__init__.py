"""Schedules as plans: when each of a set of schedules fires, and how two sets differ. Pure, and without a deployment.

Start with `comparison`. Imports the calendar of `whendue.schedules`.
"""
