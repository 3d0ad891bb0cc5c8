"""What a task raises to say how its attempt ends."""

from datetime import timedelta


class Retry(Exception):  # noqa: N818 - an outcome that a task chooses, not an error
    """Raised by a task: this attempt failed, try again.

    Args:
        reason: why, for people.
        after: the least delay before the next attempt (seconds or timedelta), in addition to the backoff.
    """

    def __init__(self, reason: str = "the task asked for a retry", *, after: float | timedelta = 0) -> None:
        """Note the reason and the delay."""
        super().__init__(reason)
        self.after_s = after.total_seconds() if isinstance(after, timedelta) else float(after)


class GiveUp(Exception):  # noqa: N818 - an outcome that a task chooses, not an error
    """Raised by a task: the job is dead, no attempt can help."""


class Cancel(Exception):  # noqa: N818 - an outcome that a task chooses, not an error
    """Raised by a task: the job is to end as cancelled."""
