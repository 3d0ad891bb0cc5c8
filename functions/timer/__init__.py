"""The timer function."""
