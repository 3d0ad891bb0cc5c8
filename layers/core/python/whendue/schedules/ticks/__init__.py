"""What a tick of the timer does for schedules: start with `runner.py`, which fires those that `due.py` finds.

`continued.py` goes on with backfills and bulk operations, piece by piece; `auto_pause.py` pauses a schedule whose jobs
keep failing.
"""
