"""Tasks for the tests of `whendue.testing`, declared as users do it: each does one thing that a context or an end has.

Their names begin with `demo.`, as those of all tasks of this repository that the docs need not list.
"""

import logging
from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field, field_validator

from whendue import Cancel, Context, GiveUp, Retry, task
from whendue.errors import NotAllowedError


class Number(BaseModel):
    n: int = Field(ge=0)


class Wanted(BaseModel):
    how: Literal["raise", "retry", "give_up", "cancel", "exit", "interrupt", "fail", "skip", "succeed"] = "succeed"


class Lucky(BaseModel):
    """What a JSON Schema does not know of it is in its validator."""

    n: int = Field(ge=0)

    @field_validator("n")
    @classmethod
    def _is_lucky(cls, value: int) -> int:
        if value == 13:
            raise ValueError("is unlucky")
        if value == 4:
            raise KeyError("is broken")
        return value


def is_allowed(payload: Lucky, tenant: str) -> None:
    if payload.n == 7:
        raise NotAllowedError(f"{tenant} has no seven")


class Anything(BaseModel, extra="allow"):
    pass


@task("demo.kit.double")
def double(payload: Number) -> dict[str, int]:
    return {"doubled": 2 * payload.n}


@task("demo.kit.lucky", check=is_allowed, jitter="none", base_s=10)
def lucky(payload: Lucky) -> int:
    return payload.n


@task("demo.kit.double_async")
async def double_async(payload: Number) -> dict[str, int]:
    return {"doubled": 2 * payload.n}


@task("demo.kit.end", jitter="none", base_s=10, max_attempts=3)
def end(payload: Wanted, ctx: Context) -> str:
    match payload.how:
        case "raise":
            raise ValueError(f"attempt {ctx.attempt} is bad")
        case "retry":
            raise Retry("later", after=90)
        case "give_up":
            raise GiveUp("never")
        case "cancel":
            raise Cancel
        case "exit":
            raise SystemExit(3)
        case "interrupt":
            raise KeyboardInterrupt
        case "fail":
            pytest.fail("within a task")
        case "skip":
            pytest.skip("within a task")
        case "succeed":
            return "done"


@task("demo.kit.flaky", jitter="none", base_s=10)
def flaky(payload: Anything, ctx: Context) -> int:
    if ctx.attempt == 1:
        raise ConnectionError("not yet")
    return ctx.attempt


@task("demo.kit.look", timeout_s=77)
def look(payload: Anything, ctx: Context) -> dict[str, Any]:
    return {
        "attempt": ctx.attempt,
        "tenant": ctx.tenant,
        "job_id": ctx.job_id,
        "remaining_s": ctx.remaining_s,
        "cancelled": ctx.cancelled,
        "schedule": ctx.schedule,
        "nominal_at_ms": ctx.nominal_at_ms,
        "once": [ctx.once("charge"), ctx.once("mail"), ctx.once("charge")],
    }


@task("demo.kit.talk")
def talk(payload: Anything, ctx: Context) -> None:
    ctx.log.info("of the context")
    logging.getLogger("shop").info("of the %s logging", "standard")
    ctx.progress({"done": 1})
    ctx.progress({"done": 2})


@task("demo.kit.unstorable")
def unstorable(payload: Anything) -> object:
    return {"when": object()}


@task("demo.kit.tuple")
def pair(payload: Anything) -> object:
    return (1, {"a": (2,)})


class Priced(BaseModel):
    price: Decimal
    ids: Iterable[int]


@task("demo.kit.priced")
def priced(payload: Anything) -> Priced:
    """Return what can be written once only."""
    return Priced(price=Decimal("19.90"), ids=iter([1, 2]))


def undeclared(payload: Number) -> None:
    pass


@task("demo.kit.echo")
def echo(payload: Anything) -> dict[str, Any]:
    return payload.model_dump()


@task("demo.kit.lucky_parent")
def lucky_parent(payload: Number, ctx: Context) -> str:
    return ctx.submit(lucky, {"n": payload.n})


@task("demo.kit.parent", jitter="none", base_s=10)
def parent(payload: Number, ctx: Context) -> list[str]:
    children = [ctx.submit(double, {"n": n}, key=str(n)) for n in range(payload.n)]
    if ctx.attempt == 1 and payload.n > 1:
        raise ConnectionError("after the submits")
    return children
