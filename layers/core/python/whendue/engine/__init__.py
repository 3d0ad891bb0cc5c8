"""Engine: applies transitions to the table, sends messages, fans out what a finished job leaves to be done.

Start with `commit`; `runtime` is what every service gets, `ports` what adapters implement.
Imports declarations, jobs and below.
"""
