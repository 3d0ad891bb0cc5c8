"""Worker: receives messages, claims jobs, runs their tasks and records how the attempts ended.

Start with `processor`. Imports limits, workflows, pauses and below.
"""
