"""A container worker: a job of hours, in a process of its own instead of a Lambda function.

Shows a task that survives a deployment: it reports progress, gives way to a cancel, and continues where it was when
SIGTERM came. The worker gives such a job back, at no cost in attempts, and another one starts it again.

Run it: copy this file to `functions/worker/tasks/`, run `make up`, and start a worker beside it (Ctrl-C drains it):

    eval "$(make -s environment)"; export PYTHONPATH=layers/core/python:.
    .local/venv/bin/python -m whendue.cli worker --queues low --threads 4 --grace 60 --health-host 127.0.0.1

Then submit `{"type": "example.import", "payload": {"pages": 100}, "priority": "low"}`. In an image the command is
`whendue worker`, and for jobs of up to 12 hours API and workers need `WHENDUE_MAX_TIMEOUT_S=43200`.
"""

import time

from pydantic import BaseModel, Field

from whendue import Cancel, Context, task


class Import(BaseModel):
    """What to import."""

    pages: int = Field(ge=1, le=10_000)
    page_s: float = Field(default=1, ge=0, le=60, description="How long a page takes, seconds.")


@task("example.import", max_attempts=3, timeout_s=600, lease_s=60)
def import_pages(payload: Import, ctx: Context) -> dict[str, int]:
    """Import pages one after another, each of them at most once."""
    imported = 0
    for page in range(payload.pages):
        if ctx.cancelled:
            raise Cancel(f"cancelled before page {page}")
        # False if an attempt before this one has begun the page: its work is done, or half done and not to be repeated.
        if ctx.once(f"page-{page}"):
            time.sleep(payload.page_s)  # read the page and store it
            imported += 1
        ctx.progress({"page": page + 1, "of": payload.pages})
    return {"importedByThisAttempt": imported}
