"""whendue without Lambda: API, worker and timer as long-running processes, on the same services.

Start with `worker`; `process` has the signals. Imports metrics_export and below.
"""
