"""Operations on jobs: cancel, reschedule, redrive, read, list, delete.

Start with `commands` and `reader`. Imports the engine and below.
"""
