"""Limits: how many jobs of a key may run at once and start per second."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limit:
    """How many jobs of a key may run at once, and how many may start per second; None sets no limit."""

    concurrency: int | None = None
    rate_per_s: float | None = None
    key: str | None = None  # None: the profile's name (for a profile), the job's type otherwise
