"""Calendar: recurrences in cron, RRULE and ISO 8601 notation, exclusions and time zones. All of it is pure.

Start with `recurrence`. Imports support only.
"""
