"""`make bench`: whendue beside Celery, dramatiq and the bare calls, on one emulator. docs/reference/benchmarks.md."""
