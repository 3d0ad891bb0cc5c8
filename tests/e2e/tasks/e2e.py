"""Tasks that only the end-to-end suite deploys."""

import os
import threading
from typing import Any

from pydantic import BaseModel, Field

from whendue import Cancel, Context, GiveUp, task


class Nothing(BaseModel):
    """No payload."""


class Length(BaseModel):
    """How long to take."""

    seconds: float = Field(ge=0, le=60)


@task("e2e.crash")
def crash(payload: Nothing) -> None:
    """Kill the process, every time."""
    os._exit(9)


@task("e2e.mended")
def mended(payload: Nothing, ctx: Context) -> str:
    """Die the first time, succeed after a redrive."""
    if ctx.once("broken"):
        raise GiveUp("not mended yet")
    return "mended"


@task("e2e.wait")
def wait(payload: Length, ctx: Context) -> dict[str, Any]:
    """Take a while; stop when asked to."""
    until = ctx.remaining_s - payload.seconds
    while ctx.remaining_s > until:
        ctx.progress({"left_s": round(ctx.remaining_s - until, 1)})
        if ctx.cancelled:
            raise Cancel
        threading.Event().wait(0.1)
    return {"fence": ctx.fence}


class Text(BaseModel):
    """A text."""

    text: str


@task("e2e.echo")
def echo(payload: Text) -> dict[str, Any]:
    """Give the payload back."""
    return payload.model_dump()


@task("e2e.nominal")
def nominal(payload: Nothing, ctx: Context) -> dict[str, Any]:
    """Say for which fire it runs."""
    return {"schedule": ctx.schedule, "nominal_at_ms": ctx.nominal_at_ms}
