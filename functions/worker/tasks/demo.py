"""Tasks of the demonstration (`make run`), and examples to start from."""

from typing import Any

from pydantic import BaseModel, Field

from whendue import Context, task


class Greeting(BaseModel):
    """The name to greet."""

    name: str = Field(max_length=100)


class Flaky(BaseModel):
    """How often to fail first."""

    failures: int = Field(default=1, ge=0, le=10)


class Broken(BaseModel):
    """What to complain about."""

    reason: str = Field(default="not fixed yet", max_length=200)


@task("demo.greet")
def greet(payload: Greeting, ctx: Context) -> dict[str, Any]:
    """Return a greeting."""
    return {"greeting": f"Hello, {payload.name}!", "attempt": ctx.attempt}


@task("demo.flaky")
def flaky(payload: Flaky, ctx: Context) -> dict[str, Any]:
    """Fail a few times, then succeed."""
    if ctx.attempt <= payload.failures:
        raise ConnectionError(f"attempt {ctx.attempt} could not connect")
    return {"attempts": ctx.attempt}


@task("demo.broken")
def broken(payload: Broken) -> None:
    """Fail each time."""
    raise RuntimeError(payload.reason)
