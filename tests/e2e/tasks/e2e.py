"""Tasks that only the end-to-end suite deploys."""

import os
import threading
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from whendue import Cancel, Context, GiveUp, task


class Nothing(BaseModel):
    """No payload."""


class Length(BaseModel):
    """How long to take."""

    seconds: float = Field(0, ge=0, le=60)


@task("e2e.crash")
def crash(payload: Length) -> None:
    """Kill the process after a while, every time."""
    time.sleep(payload.seconds)
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


class Noted(BaseModel):
    """Where to note its runs, how long to take, and whether to kill the process the first time."""

    path: str
    seconds: float = Field(default=0, ge=0, le=120)
    dies: bool = False


@task("e2e.noted")
def noted(payload: Noted, ctx: Context) -> None:
    """Note when it begins and ends, process and all: what the process had begun has ended when it dies."""
    _note(payload.path, "begin", ctx.fence)
    try:
        _pass(payload.seconds)
        if payload.dies and ctx.once("died"):
            _note(payload.path, "dies", ctx.fence)
            os._exit(9)
    finally:
        _note(payload.path, "end", ctx.fence)


def _pass(seconds: float) -> None:
    # An interrupt strikes between two waits.
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        threading.Event().wait(min(left, 0.1))


def _note(path: str, what: str, fence: str) -> None:
    # One short write in append mode is not torn, whatever other processes write.
    with Path(path).open("a") as file:
        file.write(f"{what} {os.getpid()} {fence} {time.time()}\n")


class Text(BaseModel):
    """A text."""

    text: str


@task("e2e.echo")
def echo(payload: Text) -> dict[str, Any]:
    """Return the payload."""
    return payload.model_dump()


@task("e2e.nominal")
def nominal(payload: Nothing, ctx: Context) -> dict[str, Any]:
    """Say for which fire it runs."""
    return {"schedule": ctx.schedule, "nominal_at_ms": ctx.nominal_at_ms}


class Step(BaseModel):
    """Where to note that it runs, under which name; how long to take, whether to fail, and what to add one to."""

    path: str
    name: str
    seconds: float = Field(default=0, ge=0, le=120)
    fails: bool = False
    value: int = 0
    values: list[int] = []


@task("e2e.step")
def step(payload: Step) -> int:
    """Note its begin and end, and return its value plus one, or the sum of its values."""
    _note(payload.path, "begin", payload.name)
    threading.Event().wait(payload.seconds)
    if payload.fails:
        raise GiveUp("it was told to")
    _note(payload.path, "end", payload.name)
    return sum(payload.values) if payload.values else payload.value + 1


class Count(BaseModel):
    """How many items."""

    items: int = Field(ge=0, le=1000)


@task("e2e.list")
def numbers(payload: Count) -> list[int]:
    """Return a list."""
    return list(range(payload.items))
