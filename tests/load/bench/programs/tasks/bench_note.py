"""The job as a task of whendue."""

from typing import Any

from pydantic import BaseModel

from whendue import Context, task

# Relative: in the worker function's zip this folder has another name.
from .note import run


class Note(BaseModel):
    """What a job is given; see `note.run`."""

    n: int
    at_ns: int
    sleep_s: float


@task("bench.note")
def note(payload: Note, ctx: Context) -> dict[str, Any]:
    """Run the job."""
    return run(payload.model_dump())
