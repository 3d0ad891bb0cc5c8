"""What tasks log, from a record to its attempt; what others print stays as it is without whendue."""

import asyncio
import io
import logging
import logging.config
import threading
from collections.abc import Iterator
from contextvars import copy_context
from dataclasses import replace
from typing import Any

import pytest

from tests.builders.world import TENANT, RealTime, World
from whendue.bootstrap.application import App
from whendue.declarations.attempt_log import LogLine
from whendue.declarations.log_capture import CURRENT, TO_ATTEMPT, UNPRINTED
from whendue.jobs.model import Job, State
from whendue.operations.job_logs import StoredLog
from whendue.settings import LOG_LEVELS

LOGGER = logging.getLogger("shop.stock")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    """Leave the loggers of this process as they were: each test begins as a process does."""
    root, factory = logging.getLogger(), logging.getLogRecordFactory()
    handlers, level = root.handlers.copy(), root.level
    root.setLevel(logging.WARNING)
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for handler in handlers:
        handler.removeFilter(UNPRINTED)
    LOGGER.setLevel(logging.NOTSET)
    LOGGER.propagate = True
    logging.setLogRecordFactory(factory)


def logs(world: World, job: Job, attempt: int | None = None) -> list[StoredLog]:
    return world.app.job_logs.page(TENANT, job.id, attempt, 20, None).logs


def lines(world: World, job: Job) -> list[LogLine]:
    return [line for log in logs(world, job) for line in log.lines]


def messages(world: World, job: Job) -> list[str]:
    return [line.message for line in lines(world, job)]


def ran(world: World, function: Any, **wanted: Any) -> Job:
    world.task("t", function, **wanted)
    job = world.submit("t")
    world.work()
    return job


def levels(payload: Any, ctx: Any) -> None:
    for number in (10, 20, 30, 40, 50):
        LOGGER.log(number, "logger %s", number)
        ctx.log.log(number, "ctx %s", number)


def test_what_a_task_logs_is_kept_with_its_attempt() -> None:
    """Job, attempt and times are the attempt's; the standard logging and `ctx.log` alike."""
    world = World()

    def run(payload: Any, ctx: Any) -> None:
        LOGGER.warning("stock %d", 3)
        world.clock.advance(2)
        ctx.log.info("order %(id)s", {"id": 7})

    begun_ms = world.clock.now_ms()
    job = ran(world, run)
    expected = [
        LogLine(begun_ms, "WARNING", "shop.stock", "stock 3"),
        LogLine(begun_ms + 2000, "INFO", "whendue.task", "order 7"),
    ]
    assert logs(world, job) == [StoredLog(1, begun_ms, begun_ms + 2000, expected, 0, 2)]


@pytest.mark.parametrize("name", LOG_LEVELS)
def test_lines_from_the_level_on_are_kept(name: str) -> None:
    """The setting's; also below what the root logger lets through by default."""
    world = World()
    settings = replace(world.app.runtime.settings, task_log_level=LOG_LEVELS[name])
    world.app = App(replace(world.app.runtime, settings=settings), world.app.notifications, world.app.metrics)
    job = ran(world, levels)
    kept = [number for number in (10, 20, 30, 40, 50) if number >= LOG_LEVELS[name]]
    assert messages(world, job) == [f"{kind} {number}" for number in kept for kind in ("logger", "ctx")]


def test_each_attempt_has_its_own_log() -> None:
    """Of retries, newest first; and of one alone. One that logs nothing has none."""
    world = World()

    def run(payload: Any, ctx: Any) -> None:
        if ctx.attempt != 2:
            ctx.log.info("attempt %s", ctx.attempt)
        if ctx.attempt < 3:
            raise RuntimeError("no")

    job = ran(world, run)
    world.pass_time(120)
    assert world.job(job).state is State.SUCCEEDED
    assert [(log.attempt, log.lines[0].message) for log in logs(world, job)] == [(3, "attempt 3"), (1, "attempt 1")]
    assert [log.attempt for log in logs(world, job, 1)] == [1]
    assert logs(world, job, 2) == []


def test_records_of_jobs_side_by_side_never_mix() -> None:
    """Ten threads log in turns."""
    world = RealTime()
    together = threading.Barrier(10)

    def run(payload: Any, ctx: Any) -> None:
        for number in range(20):
            together.wait(10)
            LOGGER.info("%s %s", ctx.job_id, number)

    world.task("t", run)
    jobs = [world.submit("t") for _ in range(10)]
    world.app.work.handle(world.queues.receive("normal"), world.system.now_ms() + 60_000)
    for job in jobs:
        assert messages(world, job) == [f"{job.id} {number}" for number in range(20)]


def test_coroutines_of_a_task_log_to_its_attempt() -> None:
    """And so does what it runs in a thread with its context; another thread has only `ctx.log`."""
    world = World()

    async def part(name: str) -> None:
        await asyncio.sleep(0)
        LOGGER.info(name)
        await asyncio.to_thread(LOGGER.info, f"{name} in a thread")

    async def parts() -> None:
        await asyncio.gather(part("a"), part("b"))

    def run(payload: Any, ctx: Any) -> None:
        asyncio.run(parts())
        context = copy_context()
        for call in (
            lambda: LOGGER.info("lost"),
            lambda: ctx.log.info("by ctx.log"),
            lambda: context.run(LOGGER.info, "by its context"),
        ):
            thread = threading.Thread(target=call)
            thread.start()
            thread.join()

    found = messages(world, ran(world, run))
    assert sorted(found[:4]) == ["a", "a in a thread", "b", "b in a thread"]
    assert found[4:] == ["by ctx.log", "by its context"]


@pytest.mark.parametrize("error", [None, RuntimeError, SystemExit])
def test_nothing_is_kept_outside_of_tasks(error: type[BaseException] | None) -> None:
    """However the one before has ended."""
    world = World()

    def run(payload: Any, ctx: Any) -> None:
        LOGGER.info("inside")
        if error:
            raise error

    job = ran(world, run)
    LOGGER.error("outside")
    assert CURRENT.get() is None
    assert messages(world, job) == ["inside"]


class Stream(logging.StreamHandler[io.StringIO]):
    """Prints to a text."""

    def __init__(self) -> None:
        super().__init__(io.StringIO())

    @property
    def printed(self) -> list[str]:
        return self.stream.getvalue().split()


def test_a_handler_that_was_there_prints_no_more_than_before() -> None:
    """What tasks log is their tenant's: it does not go to the operator's log for being kept."""
    printed = Stream()
    logging.getLogger().addHandler(printed)
    world = World()
    job = ran(world, levels)
    LOGGER.info("info-outside")
    LOGGER.error("error-outside")
    assert len(messages(world, job)) == 8
    assert printed.printed == ["logger", "30", "logger", "40", "logger", "50", "error-outside"]


def test_levels_that_users_set_hold_for_their_handlers() -> None:
    """On a logger of their own before the start, and on the root logger later, also to the same level."""
    printed = Stream()
    logging.getLogger().addHandler(printed)
    LOGGER.setLevel(logging.DEBUG)
    world = World()
    ran(world, lambda payload, ctx: LOGGER.debug("own"))
    assert printed.printed == ["own"]
    logging.getLogger().setLevel(logging.INFO)
    logging.getLogger("other").info("root")
    assert printed.printed == ["own", "root"]


def test_python_prints_warnings_as_ever_where_nobody_handles_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its last resort is used where a logger has no handler; ours would be one. `ctx.log` is printed nowhere."""
    last = Stream()
    last.setLevel(logging.WARNING)
    monkeypatch.setattr(logging, "lastResort", last)
    logging.getLogger().handlers[:] = []
    world = World()
    assert len(messages(world, ran(world, levels))) == 8
    LOGGER.warning("outside")
    assert last.printed == ["logger", "30", "logger", "40", "logger", "50", "outside"]
    own = Stream()
    LOGGER.addHandler(own)
    LOGGER.warning("handled")
    LOGGER.removeHandler(own)
    assert (own.printed, last.printed[-1]) == (["handled"], "outside")


def test_ctx_log_is_printed_nowhere() -> None:
    """Not even its errors."""
    printed = Stream()
    logging.getLogger().addHandler(printed)
    world = World()
    job = ran(world, lambda payload, ctx: ctx.log.critical("secret"))
    assert (messages(world, job), printed.printed) == (["secret"], [])


def test_records_carry_job_and_attempt_for_users_formats() -> None:
    """Only inside of an attempt: other lines stay as they are."""
    printed = Stream()
    printed.setFormatter(logging.Formatter("%(whendue_job_id)s/%(whendue_attempt)s", defaults={
        "whendue_job_id": "-", "whendue_attempt": "-",
    }))  # fmt: skip
    logging.getLogger().addHandler(printed)
    world = World()
    job = ran(world, lambda payload, ctx: LOGGER.error("x"))
    LOGGER.error("y")
    assert printed.printed == [f"{job.id}/1", "-/-"]


def test_a_message_that_logs_itself_ends() -> None:
    """While a record is made text, what is logged belongs to nobody."""
    world = World()

    class Logs:
        def __str__(self) -> str:
            LOGGER.info("%s", self)
            return "itself"

    assert messages(world, ran(world, lambda payload, ctx: LOGGER.info("%s", Logs()))) == ["itself"]


def test_a_handler_of_users_that_fails_stops_no_line() -> None:
    """Python's own handlers report such an error and go on."""
    world = World()
    ran(world, levels)
    closed = Stream()
    closed.stream.close()
    logging.getLogger().addHandler(closed)
    assert TO_ATTEMPT in logging.getLogger().handlers
    job = ran(world, lambda payload, ctx: LOGGER.info("x"))
    assert (messages(world, job), world.job(job).state) == (["x"], State.SUCCEEDED)


def test_an_application_that_is_made_again_keeps_each_line_once() -> None:
    """Tests make many in a process; a factory that wraps itself would never return."""
    for _ in range(3):
        world = World()
        assert messages(world, ran(world, lambda payload, ctx: LOGGER.info("x"))) == ["x"]


@pytest.mark.parametrize("disables", [True, False])
def test_a_configuration_that_a_task_loads_takes_nothing_from_later_attempts(disables: bool) -> None:
    """It removes the root logger's handlers, and disables the loggers that it does not name. `ctx.log` stays."""
    world = World()

    def configure(payload: Any, ctx: Any) -> None:
        logging.config.dictConfig({"version": 1, "root": {"level": "ERROR"}, "disable_existing_loggers": disables})
        logging.disable(logging.NOTSET)
        ctx.log.info("configured")

    assert messages(world, ran(world, configure)) == ["configured"]
    LOGGER.disabled = False
    assert messages(world, ran(world, lambda payload, ctx: LOGGER.info("later"))) == ["later"]


def test_logging_that_is_disabled_is_disabled_for_ctx_log() -> None:
    """`logging.disable` counts for all loggers."""
    world = World()
    logging.disable(logging.WARNING)
    try:
        assert messages(world, ran(world, levels)) == ["logger 40", "ctx 40", "logger 50", "ctx 50"]
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("name", ["botocore.endpoint", "boto3", "s3transfer.utils"])
def test_what_boto3_logs_of_its_requests_is_never_kept(name: str) -> None:
    """Their headers have the session token of the worker's role; a job's log is its tenant's."""
    world = World()
    settings = replace(world.app.runtime.settings, task_log_level=LOG_LEVELS["DEBUG"])
    world.app = App(replace(world.app.runtime, settings=settings), world.app.notifications, world.app.metrics)

    def run(payload: Any, ctx: Any) -> None:
        logging.getLogger(name).debug("X-Amz-Security-Token")
        logging.getLogger(name).info("credentials found")
        logging.getLogger("botocores").debug("of another library")

    assert messages(world, ran(world, run)) == ["credentials found", "of another library"]
