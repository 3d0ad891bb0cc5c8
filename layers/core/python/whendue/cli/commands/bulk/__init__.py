"""Commands that change many jobs with one request.

Imports what `cli.commands` may.
"""
