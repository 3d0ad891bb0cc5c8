"""whendue without Lambda: a worker and a timer as long-running processes, on the same services."""
