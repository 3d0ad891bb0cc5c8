"""Whatever a task returns, raises, publishes or asks for: the job ends visibly, and can be read and listed for good."""

import sys
from datetime import timedelta
from typing import Any

import pytest

from tests.builders.gateway import Client
from tests.builders.world import World
from whendue.aws_quotas import ERROR_MESSAGE_BYTES, ERROR_TYPE_BYTES
from whendue.declarations.context import Context
from whendue.declarations.registry import Retry
from whendue.jobs.model import State
from whendue.quotas import HORIZON_S, RESULT_DEPTH, RETRY_AGE_S

DAY_MS = 86_400_000


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def runs(client: Client, world: World, function: Any, **wanted: Any) -> dict[str, Any]:
    """Run a job of a task beside one of its neighbours; return the job as the API shows it."""
    world.task("odd", function)
    job = client.submit(type="odd", maxAttempts=wanted.pop("maxAttempts", 1), **wanted)
    neighbour = client.submit(type="ok")
    world.work()
    assert client.send("GET", f"/jobs/{neighbour['id']}").json["state"] == "succeeded"
    listed = client.send("GET", "/jobs")
    assert (listed.status, len(listed.json["items"])) == (200, 2), listed.text
    shown = client.send("GET", f"/jobs/{job['id']}")
    assert shown.status == 200, shown.text
    assert client.send("GET", "/dead-letters").status == 200
    found: dict[str, Any] = shown.json
    return found


@pytest.mark.parametrize("levels", [1, RESULT_DEPTH, RESULT_DEPTH + 1, 253, 254, 400, 700, 990, 100_000])
def test_a_result_is_readable_for_good_or_no_result(client: Client, world: World, levels: int) -> None:
    """Nested 253-990 deep it was `succeeded`, and then `GET` was a 500 for ever."""
    job = runs(client, world, lambda payload, ctx: nested(levels))
    if levels <= RESULT_DEPTH:
        assert (job["state"], job["result"]) == ("succeeded", nested(levels))
    else:
        assert (job["state"], job["error"]["type"]) == ("dead", "result_too_deep")
        assert "deeper than 100 levels" in job["error"]["message"]


@pytest.mark.parametrize(
    "value", [2**63 - 1, -(2**63), 2**64 - 1, 2**53 + 1, 10**100, {"id": 1_234_567_890_123_456_789}]
)
def test_integers_are_exact(client: Client, world: World, value: Any) -> None:
    """Ids of 64 bits are ordinary."""
    assert runs(client, world, lambda payload, ctx: value)["result"] == value


@pytest.mark.parametrize("kind", ["generator", "coroutine"])
def test_a_result_that_nothing_awaits_is_logged_with_its_cause(client: Client, world: World, kind: str) -> None:
    """Whoever wrote it learns what to write instead."""

    async def later() -> int:
        return 1

    def run(payload: Any, ctx: Any) -> Any:
        return [later()] if kind == "coroutine" else (n for n in "ab")

    error = runs(client, world, run)["error"]
    assert (error["type"], kind in error["message"]) == ("result_not_json", True)


def _odd_class(name: str) -> type[Exception]:
    return type(name, (Exception,), {})


def _deep_stack() -> None:
    _deep_stack()


def _exit() -> None:
    sys.exit(3)


def _raise(error: BaseException) -> None:
    raise error


ODD_ERRORS: dict[str, tuple[Any, str]] = {
    "an empty name": (lambda: _raise(_odd_class("")("x")), "Error"),
    "a name in Greek": (lambda: _raise(_odd_class("Σφάλμα")("x")), "Σφάλμα"),
    "control characters": (lambda: _raise(_odd_class("a\x07\x1b[2Jb")("x\x00\x1b[2J\ny")), "a  [2Jb"),
    "a long name": (lambda: _raise(_odd_class("N" * 100_000)("x")), "N" * (ERROR_TYPE_BYTES - 3) + "…"),
    "10 MB": (lambda: _raise(ValueError("é" * 10_000_000)), "ValueError"),
    "half a character": (lambda: _raise(ValueError("\ud800")), "ValueError"),
    "a group": (lambda: _raise(ExceptionGroup("several", [ValueError("a"), KeyError("b")])), "ExceptionGroup"),
    "a deep stack": (_deep_stack, "RecursionError"),
    "no memory": (lambda: _raise(MemoryError()), "MemoryError"),
    "an exit": (_exit, "SystemExit"),
    "a keyboard": (lambda: _raise(KeyboardInterrupt()), "KeyboardInterrupt"),
}


@pytest.mark.parametrize("name", ODD_ERRORS)
def test_an_error_is_shown_whatever_it_says(client: Client, world: World, name: str) -> None:
    """Cut, and printable."""
    misbehave, kind = ODD_ERRORS[name]
    error = runs(client, world, lambda payload, ctx: misbehave())["error"]
    assert error["type"] == kind
    shown = error["type"] + error["message"] + error["where"]
    assert not [item for item in shown if ord(item) < 32 and item not in "\t\n"]
    assert len(error["message"].encode()) <= ERROR_MESSAGE_BYTES


class LyingError(Exception):
    """An error whose own attributes raise."""

    @property  # type: ignore[misc]
    def __class__(self) -> Any:
        raise SystemExit

    @property
    def __traceback__(self) -> Any:  # type: ignore[override]
        raise SystemExit

    @property
    def args(self) -> Any:  # type: ignore[override]
        raise SystemExit

    def __str__(self) -> str:
        raise GeneratorExit

    def __reduce__(self) -> Any:
        raise KeyboardInterrupt


def test_an_error_that_lies_about_itself_ends_its_attempt(client: Client, world: World) -> None:
    """Nothing of it is asked that its class could answer wrongly."""
    job = runs(client, world, lambda payload, ctx: _raise(LyingError()))
    assert (job["state"], job["error"]["type"]) == ("dead", "LyingError")
    assert job["error"]["message"] == "(the error cannot be shown)"


# --- progress, and `once` ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", [float("nan"), float("inf"), "\ud800", {1, 2}, "x" * 200, {1: 1, "1": 2}, nested(70)])
def test_progress_that_cannot_be_shown_is_an_error_of_the_task(client: Client, world: World, value: Any) -> None:
    """At once, where it was published."""
    job = runs(client, world, lambda payload, ctx: ctx.progress(value))
    assert (job["state"], job["error"]["type"]) == ("dead", "ValueError")
    assert job["error"]["message"].startswith("the progress cannot be stored")


def test_progress_is_shown_as_it_was_published(client: Client, world: World) -> None:
    """128 bytes in UTF-8: a text in Greek has as much room as it has bytes."""
    job = client.submit()
    context = Context(world.app.query.get("acme", job["id"]).job, 0, world.clock.now_ms, lambda key: True)
    context.progress({"\u0394": 2**64 - 1, "t": "é" * 30})
    assert context.take_progress() == '{"\u0394":18446744073709551615,"t":"' + "é" * 30 + '"}'


ODD_KEYS: tuple[Any, ...] = (
    "",
    " ",
    "\0",
    "\ud800",
    "x" * 5000,
    "é" * 3000,
    "a\nb",
    "#",
    "once#",
    "\u2028",
    5,
    None,
    (1, 2),
)


def test_once_takes_any_key(client: Client, world: World) -> None:
    """Each is a key of its own, for all attempts."""
    said: list[list[bool]] = []

    def run(payload: Any, ctx: Context) -> None:
        said.append([ctx.once(key) for key in ODD_KEYS])
        raise RuntimeError("again")

    runs(client, world, run, maxAttempts=2, backoff={"baseSeconds": 1, "jitter": "none"})
    world.pass_time(5)
    assert said == [[True] * len(ODD_KEYS), [False] * len(ODD_KEYS)]
    keys = [key.sk for key in world.table.items() if key.sk.startswith("once")]
    assert len(set(keys)) == len(ODD_KEYS)
    assert all(0 < len(key.encode()) <= 1024 and key.isprintable() for key in keys)


# --- a retry's delay --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("after", "due_ms"),
    [
        (timedelta(days=2), 2 * DAY_MS),
        (30, 30_000),
        (0.5, 5000),
        (-1, 5000),
        (float("nan"), 5000),
        (float("-inf"), 5000),
        (1e300, HORIZON_S * 1000),
        (float("inf"), HORIZON_S * 1000),
        (timedelta.max, HORIZON_S * 1000),
        (timedelta.min, 5000),
        ("60", 60_000),
    ],
)
def test_a_retry_comes_when_it_was_asked_for(client: Client, world: World, after: Any, due_ms: int) -> None:
    """`Retry(after=2 days)` comes after two days; no later than the horizon of 366 days, and not before its backoff."""

    def run(payload: Any, ctx: Any) -> None:
        raise Retry("later", after=after)

    backoff = {"baseSeconds": 5, "jitter": "none"}
    job = runs(client, world, run, maxAttempts=3, backoff=backoff, payload={"bulk": "x" * 2000})
    stored = world.app.query.get("acme", job["id"]).job
    assert (stored.state, stored.due_at) == (State.PENDING, world.clock.now_ms() + due_ms)
    [payload] = [
        item for key, item in world.table.items().items() if key.sk.startswith("payload#") and stored.id in key.pk
    ]
    assert "expires_at" not in payload


@pytest.mark.parametrize("after", ["soon", None, [], object()])
def test_a_delay_that_is_none_is_an_error_of_the_attempt(client: Client, world: World, after: Any) -> None:
    """It fails as with any other error."""

    def run(payload: Any, ctx: Any) -> None:
        raise Retry("later", after=after)

    assert runs(client, world, run)["error"]["type"] in ("ValueError", "TypeError")


@pytest.mark.parametrize("after_s", ["soon", None, [], object(), 10**400])
def test_a_delay_that_a_subclass_made_up_is_none(client: Client, world: World, after_s: Any) -> None:
    """It is read where its error is described."""

    class Odd(Retry):
        def __init__(self) -> None:
            super().__init__("later")
            self.after_s = after_s

    job = runs(client, world, lambda payload, ctx: _raise(Odd()), maxAttempts=2)
    assert (job["state"], job["error"]["type"]) == ("scheduled", "Odd")


def test_a_job_that_is_too_old_is_not_tried_again(client: Client, world: World) -> None:
    """Its payload may be gone by then: it ends dead with the error that it had."""

    def run(payload: Any, ctx: Any) -> None:
        raise Retry("next year", after=timedelta(days=300))

    world.task("odd", run)
    job = client.submit(type="odd", maxAttempts=5)
    for days in (0, 300, 190):
        world.clock.advance(days * 86_400)
        world.tick()
        world.clock.advance(121)
        world.tick()
        world.work()
    stored = world.app.query.get("acme", job["id"]).job
    assert stored.failures >= 2
    assert stored.due_at <= stored.created_at + RETRY_AGE_S * 1000


# --- what payloads refer to -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["&a", '`"\\ud800"`', "[&a]", "`NaN`", "a[::0]"])
def test_a_path_that_fails_on_everything_is_refused_at_submit(client: Client, path: str) -> None:
    """The answer names its place."""
    dependency = client.submit()["id"]
    body = {"type": "ok", "payload": {"x": {"$from": dependency, "path": path}}, "dependsOn": [dependency]}
    answer = client.send("POST", "/jobs", body)
    assert (answer.status, answer.code) == (422, "invalid_reference"), answer.text
    assert [error["where"] for error in answer.json["errors"]] == ["payload.x"]


@pytest.mark.parametrize(
    "path", ["floor(to_number('inf'))", "sum(l)", "l[*].[@,@,@,@,@,@] | [] | [?@ == @] | length(@)"]
)
def test_a_path_that_fails_on_its_result_ends_its_own_job_alone(client: Client, world: World, path: str) -> None:
    """`floor(to_number('inf'))` failed the batch, and its neighbours came 80-400 s late."""
    world.task("gives", lambda payload, ctx: {"l": [{"n": n} for n in range(20_000)]})
    dependency = client.submit(type="gives")["id"]
    referring = client.submit(payload={"x": {"$from": dependency, "path": path}}, dependsOn=[dependency], maxAttempts=4)
    others = [
        client.submit(payload={"x": {"$from": dependency, "path": "l[0].n"}}, dependsOn=[dependency]) for _ in range(2)
    ]
    worked = world.work()
    assert [result.unsettled for result in worked] == [[]] * len(worked)
    shown = client.send("GET", f"/jobs/{referring['id']}").json
    assert (shown["state"], shown["attempt"], shown["error"]["type"]) == ("dead", 1, "bad_reference")
    for job in others:
        found = client.send("GET", f"/jobs/{job['id']}").json
        assert (found["state"], found["result"]) == ("succeeded", {"x": 0, "attempt": 1})
