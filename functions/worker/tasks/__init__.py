"""Your tasks: one file each, found by themselves (docs/guide/tasks.md)."""
