"""Your tasks: one file each, found by themselves (docs/tasks.md)."""
