"""whendue without Lambda: API, worker and timer as long-running processes, on the same services."""
