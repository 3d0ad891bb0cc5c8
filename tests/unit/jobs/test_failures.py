"""Failures: where an error was raised."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pydantic
import pytest

from whendue.aws_quotas import ERROR_CAUSES_BYTES, ERROR_STACK_BYTES
from whendue.jobs import failures
from whendue.jobs.failures import Cause, Raised, causes_of, failure, raised, stack_of, where_raised
from whendue.jobs.model import Job, Policy
from whendue.support.text import is_line


def a_job() -> Job:
    return Job(
        id="0", tenant="t", type="t", queue="normal", profile="default", due_pk="live#normal#0", due_at=0,
        scheduled_at=0, created_at=0, request_hash="", policy=Policy(),
    )  # fmt: skip


def inner() -> None:
    raise RuntimeError("no")


def test_an_error_was_raised_in_its_innermost_frame() -> None:
    """Users look for it there: what called it is the same for many."""
    with pytest.raises(RuntimeError) as caught:
        inner()
    assert where_raised(caught.value) == f"{__name__}:inner:{inner.__code__.co_firstlineno + 1}"


def test_an_error_that_was_never_raised_was_raised_nowhere() -> None:
    """A task may return one."""
    assert where_raised(RuntimeError("no")) == ""


# --- the user's own code, stacks and causes ---------------------------------------------------------------------------


def caught(call: Callable[[], object]) -> BaseException:
    try:
        call()
    except BaseException as error:  # noqa: BLE001 - whatever it is
        return error
    raise AssertionError("raised nothing")


def at(function: Callable[..., object], line: int = 1) -> str:
    code = function.__code__
    return f"{__name__}:{code.co_name}:{code.co_firstlineno + line}"


def parses() -> None:
    json.loads("{")


def resolves() -> None:
    pydantic.TypeAdapter(int).validate_python("x")


@pytest.mark.parametrize("function", [inner, parses, resolves])
def test_where_is_the_innermost_frame_of_the_users_own_code(function: Callable[[], None]) -> None:
    """Not the library that it called: the line to look at is where it was called."""
    found = raised(caught(function))
    assert found.where == at(function)
    assert (found.stack or found.where).split("\n")[1] == found.where


def test_the_stack_goes_from_the_outermost_frame_to_the_innermost_and_shows_libraries() -> None:
    """As a traceback of Python does."""
    stack = (raised(caught(parses)).stack or "").split("\n")
    assert stack[:2] == [at(caught, 2), at(parses)]
    assert [frame.rpartition(":")[0] for frame in stack[2:]] == [
        "json:loads", "json.decoder:decode", "json.decoder:raw_decode",
    ]  # fmt: skip


def test_code_of_libraries_alone_is_named_by_its_innermost_frame() -> None:
    """As a shipped task is: it has no code of users."""
    error = caught(parses)
    error.__traceback__ = error.__traceback__.tb_next.tb_next  # type: ignore[union-attr]
    assert raised(error).where.startswith("json.decoder:raw_decode:")


@pytest.mark.parametrize(
    ("file", "own"),
    [
        ("/var/task/functions/worker/tasks/shop.py", True),
        ("/app/shop/stock.py", True),
        ("shop.py", True),
        ("/app/.venv/lib/python3.11/site-packages/requests/api.py", False),
        ("/usr/lib/python3/dist-packages/yaml/__init__.py", False),
        ("/var/runtime/botocore/client.py", False),
        (json.__file__, False),
        (failures.__file__, False),
        ("<string>", False),
        ("<frozen importlib._bootstrap>", False),
    ],
)
def test_which_code_is_the_users_own(file: str, *, own: bool) -> None:
    """Neither whendue, nor the standard library, nor what was installed."""
    code = compile("def f(): raise ValueError\ndef g(): f()", file, "exec")
    space: dict[str, Any] = {"__name__": "m"}
    exec(code, space)
    assert raised(caught(space["g"])).where == ("m:f:1" if own else at(caught, 2))


def test_one_frame_is_stored_once() -> None:
    """Most tasks raise themselves: their failures take no byte more than before."""
    error = caught(inner)
    error.__traceback__ = error.__traceback__.tb_next  # type: ignore[union-attr]
    assert raised(error) == Raised(at(inner), None, None)
    job = failure(a_job(), "E", "m", failed_at=1, raised_at=raised(error))
    assert stack_of(job) == [at(inner)]
    assert stack_of(failure(a_job(), "timeout", "m", failed_at=1)) == []


def recurses(depth: int) -> None:
    if depth:
        recurses(depth - 1)
    raise ValueError("deep")


@pytest.mark.parametrize("depth", [1, 5, 9, 10, 11, 100, 800])
def test_a_deep_recursion_is_cut_in_the_middle(depth: int) -> None:
    """Both ends are shown, and the number of all frames adds up."""
    error = caught(lambda: recurses(depth))
    stack = (raised(error).stack or "").split("\n")
    assert len("\n".join(stack).encode()) <= ERROR_STACK_BYTES
    assert stack[0] == at(caught, 2)
    assert stack[-1] == at(recurses, 3)
    left_out = [int(frame[1:].split()[0]) for frame in stack if frame.startswith("(")]
    assert len(stack) - len(left_out) + sum(left_out) == depth + 3


def test_names_of_any_kind_are_lines() -> None:
    """A module and a function may have any name; no client sees a control character."""
    space: dict[str, Any] = {"__name__": "m\n\x1b" * 1000}
    exec(compile("def f(): raise ValueError", "/app/x.py", "exec"), space)
    space["f"].__code__ = space["f"].__code__.replace(co_name="é\n\ud800")
    found = raised(caught(space["f"]))
    assert is_line(found.where)
    assert all(is_line(frame) for frame in (found.stack or "").split("\n"))
    assert len(found.where.encode()) <= 160


@pytest.mark.parametrize("module", [1, None, [], type("Odd", (str,), {"__str__": None})("x")])
def test_a_module_without_a_name_is_none(module: object) -> None:
    """Globals of users' code may be anything."""
    space: dict[str, Any] = {"__name__": module}
    exec(compile("def f(): raise ValueError", "/app/x.py", "exec"), space)
    assert raised(caught(space["f"])).where == "?:f:1"


def causes(error: BaseException) -> list[Cause]:
    return causes_of(failure(a_job(), "E", "m", failed_at=1, raised_at=raised(error)))


def from_key() -> None:
    try:
        inner()
    except RuntimeError as error:
        raise ValueError("from") from error


def while_handling() -> None:
    try:
        from_key()
    except ValueError:
        raise LookupError("while")  # noqa: B904 - as users' code does


def from_none() -> None:
    try:
        inner()
    except RuntimeError:
        raise ValueError("alone") from None


def test_causes_are_what_an_error_was_raised_from_the_nearest_first() -> None:
    """Explicit ones, and what was being handled; `from None` ends the chain."""
    assert causes(caught(while_handling)) == [
        Cause("ValueError", "from", at(from_key, 4)),
        Cause("RuntimeError", "no", at(inner)),
    ]
    assert causes(caught(from_none)) == []


def test_a_group_is_raised_from_its_first_error() -> None:
    """What a TaskGroup raises says only how many there were."""

    async def fails() -> None:
        inner()

    async def several() -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(fails())

    assert [(cause.type, cause.message) for cause in causes(caught(lambda: asyncio.run(several())))] == [
        ("RuntimeError", "no")
    ]


@pytest.mark.parametrize("length", [1, 4, 5, 50, 100, 5000])
def test_of_a_long_chain_the_first_ones_and_the_last_are_kept(length: int) -> None:
    """The last one is where all began; beyond a hundred it is the hundredth."""
    errors = [ValueError(str(number)) for number in range(length + 1)]
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    kept = [int(cause.message) for cause in causes(errors[0])]
    assert kept == ([*range(1, length + 1)] if length <= 4 else [1, 2, 3, min(length, 100)])


@pytest.mark.parametrize("length", [1, 2, 3])
def test_a_chain_in_a_circle_ends(length: int) -> None:
    """Each error is named once."""
    errors = [ValueError(str(number)) for number in range(length)]
    for number, error in enumerate(errors):
        error.__cause__ = errors[(number + 1) % length]
    assert [cause.message for cause in causes(errors[0])] == [str(number) for number in range(1, length)]


class Odd(Exception):  # noqa: N818 - it is no error by any measure
    """Lies about all that it is asked."""

    __cause__ = 1  # type: ignore[assignment]

    def __str__(self) -> str:
        raise SystemExit

    def __bool__(self) -> bool:
        raise SystemExit

    def __eq__(self, other: object) -> bool:
        raise SystemExit

    __hash__ = None  # type: ignore[assignment]


def test_an_odd_error_is_a_cause_like_others() -> None:
    """It may have no text, no truth and no hash."""
    error = ValueError("x")
    error.__cause__ = Odd()
    assert causes(error) == [Cause("Odd", "(the error cannot be shown)", "")]
    assert raised(Odd()) == Raised()


def test_causes_have_bounded_lines_and_the_last_one_stays() -> None:
    """Messages are users' words, and may be huge."""
    errors = [ValueError(f"{number}\t\n" + "é" * 100_000) for number in range(5)]
    for error, cause in pairwise(errors):
        error.__cause__ = cause
    found = raised(errors[0]).causes or ""
    assert len(found.encode()) <= ERROR_CAUSES_BYTES
    kept = causes(errors[0])
    assert kept[-1].message.startswith("4  ")
    assert all(is_line(text) for cause in kept for text in cause)


def test_causes_that_cannot_be_read_are_left_out() -> None:
    """An item may have been written by a later version."""
    assert causes_of(replace(failure(a_job(), "E", "m", failed_at=1), causes="a\tb\nc\td\te")) == [Cause("c", "d", "e")]
