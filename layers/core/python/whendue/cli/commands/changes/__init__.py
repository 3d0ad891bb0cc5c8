"""Commands that change one job or one schedule.

Imports what `cli.commands` may.
"""
