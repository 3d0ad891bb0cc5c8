"""Schedules: when they fire, the jobs that fires make, missed fires, backfills.

Start with `model`; `runner` is the timer's part, `service` the API's, `calendar` the recurrences. `enqueuer` carries
out what `planning` decides.
Imports submission and below.
"""
