"""Timer: promotes due jobs to their queues and rescues jobs that lost their message or worker.

Start with `tick`. Imports schedules, pauses and below.
"""
