"""The docs are current, complete, and their examples work."""
