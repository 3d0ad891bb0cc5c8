"""What is noted of every request; it is all that Locust's process hands over."""

from typing import TypedDict


class Note(TypedDict):
    """A request.

    Args:
        at_s: when it was sent.
        path: its route.
        status: the answer's, 0 if there was none.
        ms: how long the answer took.
        jobs: how many jobs it was to make; a cancel makes none.
        ids: of those that were accepted.
    """

    at_s: float
    path: str
    status: int
    ms: float
    jobs: int
    ids: list[str]
