"""The worker function, and the tasks that it runs."""
