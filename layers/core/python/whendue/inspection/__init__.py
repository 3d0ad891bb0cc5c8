"""Inspection: why a job has not run, how queues stand, whether the outside answers.

Start with `explain` and `queues`. Imports limits, timer, metrics and below.
"""
