"""A validator that does not end refuses its own value, in bounded time: neither the request nor the timer waits for it.

The endless ones end after some 20 s, so that these tests fail rather than hang.
"""

import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel, model_validator

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Answer, Client
from tests.builders.workflows import flow, node, parts, start
from tests.builders.world import TENANT, World
from whendue.declarations.calls.model import Call, Step, workflow_call
from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.registry import channel, task
from whendue.jobs.model import State
from whendue.submission.request import JobRequest
from whendue.support import time_limit as in_time

LONG_S = 20
SHORT_S = 0.05


def _busy() -> None:
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        pass


def _stubborn() -> None:
    until = time.monotonic() + LONG_S
    while time.monotonic() < until:
        try:
            _busy()
        except Exception:  # noqa: BLE001 - as users write it
            continue


def _catching_all() -> None:
    try:
        _busy()
    except BaseException:  # noqa: BLE001 - as users write it
        _busy()


def _backtracking() -> None:
    re.match(r"(a+)+$", "a" * 28 + "b")


ENDLESS: dict[str, Callable[[], None]] = {
    "busy": _busy,
    "stubborn": _stubborn,
    "catching all": _catching_all,
    "asleep": lambda: time.sleep(LONG_S),
    "backtracking": _backtracking,
}


@pytest.fixture(autouse=True)
def _short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_time, "VALIDATION_S", SHORT_S)


def declare(world: World, name: str = "slow", hang: Callable[[], None] = _busy) -> None:
    """Declare a task whose validator does not end for the payload {"hang": true}."""

    class Payload(BaseModel, extra="allow"):
        @model_validator(mode="before")
        @classmethod
        def _hang(cls, value: Any) -> Any:
            if value.get("hang"):
                hang()
            return value

    def run(payload: Payload) -> str:
        return "ran"

    task(name, registry=world.registry)(run)


def job(kind: str = "slow", *, hang: bool = False) -> dict[str, Any]:
    return {"type": kind, "payload": {"hang": True} if hang else {}}


def refused(answer: Answer) -> bool:
    return (answer.status, answer.code) == (422, "invalid_payload") and "did not end within" in answer.text


@pytest.mark.parametrize("hang", ENDLESS.values(), ids=ENDLESS)
def test_it_refuses_its_own_job(world: World, client: Client, hang: Callable[[], None]) -> None:
    """As a job, as a node, in a schedule; then the next request is served."""
    declare(world, hang=hang)
    assert refused(client.send("POST", "/jobs", job(hang=True)))
    assert refused(client.send("PUT", "/schedules/s", {"cron": "0 * * * *", "job": job(hang=True)}))
    nodes = {"a": job(), "b": job(hang=True)}
    assert client.send("POST", "/workflows", {"nodes": nodes}).code == "invalid_workflow"
    assert client.send("POST", "/jobs", job()).status == 202


def test_its_neighbours_of_a_batch_are_accepted(world: World, client: Client) -> None:
    """What there was no time for is no fault of the sender's: 503, to be sent again."""
    declare(world)
    jobs = [job("ok"), job(hang=True), job(), job("ok")]
    items = client.send("POST", "/jobs/batch", {"jobs": jobs}).json["items"]
    assert [item["status"] for item in items] == [202, 422, 503, 202]
    assert items[2]["problem"]["code"] == "unavailable"


def test_many_that_end_late_share_one_bounded_time(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The time of a request is over: none of the rest is validated, and none is refused for good."""
    monkeypatch.setattr(in_time, "VALIDATIONS_S", 0.0)
    declare(world)
    items = client.send("POST", "/jobs/batch", {"jobs": [job(hang=True)] * 3}).json["items"]
    assert [item["status"] for item in items] == [503] * 3


@pytest.mark.parametrize("part", ["config", "check"])
def test_a_channels_configuration_too(world: World, client: Client, part: str) -> None:
    """Both run code of users."""

    class Config(ChannelConfig, extra="allow"):
        @model_validator(mode="before")
        @classmethod
        def _hang(cls, value: Any) -> Any:
            if part == "config":
                _busy()
            return value

    def check(config: Config, tenant: str) -> None:
        if part == "check":
            _busy()

    def send(event: Event, config: Config, attempt: Attempt) -> None:
        """Send nothing."""

    channel("slow", registry=world.registry, check=check)(send)
    answer = client.send("PUT", "/subscriptions/s", {"channel": "slow", "config": {}, "events": ["dead"]})
    assert (answer.status, answer.code) == (422, "invalid_request")
    assert "did not end within" in answer.text


def test_a_check_of_a_payload_too(world: World, client: Client) -> None:
    """It is called at submit."""

    class Payload(BaseModel, extra="allow"):
        """Anything."""

    def run(payload: Payload) -> None:
        """Do nothing."""

    task("checked", registry=world.registry, check=lambda payload, tenant: _busy())(run)
    assert refused(client.send("POST", "/jobs", {"type": "checked", "payload": {}}))


@pytest.mark.parametrize("in_thread", [False, True], ids=["lambda", "container"])
def test_the_timer_serves_everybody_else(world: World, *, in_thread: bool) -> None:
    """A schedule was accepted, and its validator changed since; three tenants have it, one has another task."""
    declare(world, hang=lambda: None)
    api = api_of(world)

    def put(tenant: str, wanted: dict[str, Any]) -> Client:
        client = Client(api, a_token(tenant))
        assert client.send("PUT", "/schedules/s", {"cron": "* * * * *", "job": wanted}).status == 201
        return client

    bad = [put(f"bad-{number}", job(hang=True)) for number in range(3)]
    good = put(TENANT, job("ok"))
    world.registry.remove("slow")
    declare(world)
    for _ in range(6):
        world.clock.advance(60)
        tick = threading.Thread(target=world.tick)
        if in_thread:
            tick.start()
            tick.join()
        else:
            world.tick()
    world.registry.remove("slow")
    declare(world, hang=lambda: None)
    world.work()

    def outcomes(client: Client) -> list[str]:
        return [fire["outcome"] for fire in client.send("GET", "/schedules/s/fires").json["items"]]

    assert outcomes(good) == ["ran"] * 6
    assert sum(outcome == "skipped" for client in bad for outcome in outcomes(client)) >= 3


# --- in a worker -------------------------------------------------------------------------------------------------


def declare_hanging_at_first(world: World) -> list[str]:
    """Declare a task whose validator does not end when it is first called for {"hang": true}; list its calls."""
    calls: list[str] = []

    def hang() -> None:
        calls.append("called")
        if len(calls) == 1:
            _busy()

    declare(world, hang=hang)
    return calls


def work(world: World, *, in_thread: bool) -> None:
    """Let workers run what is due, in a process that may use an alarm or on a thread."""
    if in_thread:
        thread = threading.Thread(target=world.work)
        thread.start()
        thread.join()
    else:
        world.work()


@pytest.mark.parametrize("in_thread", [False, True], ids=["main thread", "thread"])
def test_an_attempt_that_submits_is_tried_again(world: World, *, in_thread: bool) -> None:
    """Jobs beside it may have kept the interpreter to themselves: for the next attempt the validator ends."""
    declare_hanging_at_first(world)
    world.task("parent", lambda payload, ctx: ctx.submit("slow", {"hang": True}))
    job = world.submit("parent", policy={"max_attempts": 2})
    work(world, in_thread=in_thread)
    failed = world.job(job)
    assert (failed.state, failed.last and failed.last.type) == (State.PENDING, "unavailable")
    world.clock.advance(3600)
    work(world, in_thread=in_thread)
    assert world.job(job).state is State.SUCCEEDED


def test_a_payload_that_does_not_fit_ends_the_attempt_for_good(world: World) -> None:
    """No other attempt would find it valid."""
    declare(world)
    world.task("parent", lambda payload, ctx: ctx.submit("slow", []))
    job = world.submit("parent", policy={"max_attempts": 2})
    world.work()
    ended = world.job(job)
    assert (ended.state, ended.last and ended.last.type) == (State.DEAD, "invalid_payload")


def test_the_steps_of_a_workflow_that_a_task_submits_share_one_bounded_time(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a request: it is over, so none of the steps is validated, and none is refused for good."""
    calls = declare_hanging_at_first(world)
    monkeypatch.setattr(in_time, "VALIDATIONS_S", 0.0)
    steps = [Step(name, Call(type="slow", payload={"hang": True})) for name in "abc"]
    world.task("parent", lambda payload, ctx: ctx.submit_call(workflow_call(steps, None, {})))
    world.use("workflow")
    job = world.submit("parent", policy={"max_attempts": 2})
    work(world, in_thread=False)
    failed = world.job(job)
    assert (failed.state, failed.last and failed.last.type, calls) == (State.PENDING, "unavailable", [])


@pytest.mark.parametrize("in_thread", [False, True], ids=["main thread", "thread"])
def test_a_composite_is_tried_again(world: World, *, in_thread: bool) -> None:
    """The items of a forEach are validated when they are known, in a worker."""
    declare_hanging_at_first(world)
    world.task("fetch", lambda payload, ctx: [True, True])
    each = node("each", "slow", {"hang": {"$item": "@"}}, "fetch", for_each={"$from": "fetch"})
    whole = start(world, flow(node("fetch", "fetch"), each))
    work(world, in_thread=in_thread)
    [composite] = [part for part in parts(world, whole, 2) if part.node == "each"]
    assert (composite.state, composite.last and composite.last.type) == (State.PENDING, "unavailable")
    world.pass_time(120, 5)
    assert world.job(whole).state is State.SUCCEEDED


def test_a_request_is_one_scope_and_the_next_another(world: World) -> None:
    """Outside of both, as in an attempt, each validation has a time of its own."""
    declare(world)
    for _ in range(2):
        with pytest.raises(Exception, match="did not end within"):
            world.app.submit.one(TENANT, JobRequest("slow", {"hang": True}))


# --- the alarm ---------------------------------------------------------------------------------------------------


@pytest.fixture
def rung() -> Iterator[threading.Event]:
    """Let this process have a handler of its own for SIGALRM, which sets this."""
    event = threading.Event()
    before = signal.signal(signal.SIGALRM, lambda *_: event.set())
    yield event
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def test_a_timer_of_the_program_goes_on_afterwards(rung: threading.Event) -> None:
    """Whatever became of the validator: it is late by no more than that took."""
    theirs = signal.getsignal(signal.SIGALRM)
    signal.setitimer(signal.ITIMER_REAL, 500, 7)
    assert in_time.in_time(lambda: 1, "acme", "slow") == 1
    with pytest.raises(in_time.OutOfTimeError):
        in_time.in_time(_busy, "acme", "slow")
    left_s, every_s = signal.getitimer(signal.ITIMER_REAL)
    assert 0 < left_s < 500
    assert every_s == 7
    assert signal.getsignal(signal.SIGALRM) is theirs


def test_a_timer_of_the_program_whose_time_has_passed_meanwhile_rings_at_once(rung: threading.Event) -> None:
    """One that rings each 10 ms, and a validator that is ended after 50 ms."""

    def hang() -> None:
        rung.clear()
        _busy()

    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    with pytest.raises(in_time.OutOfTimeError):
        in_time.in_time(hang, "acme", "slow")
    assert rung.wait(LONG_S)


def test_a_program_may_keep_its_signals(rung: threading.Event, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its timer rings while a validator runs, and one that does not end is ended all the same."""

    def wait() -> bool:
        rung.clear()
        return rung.wait(LONG_S)

    signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
    with in_time.without_signals(), pytest.raises(in_time.OutOfTimeError):
        in_time.in_time(_busy, "acme", "slow")
    monkeypatch.setattr(in_time, "VALIDATION_S", 2 * LONG_S)
    with in_time.without_signals():
        assert in_time.in_time(wait, "acme", "slow")


def test_no_check_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may ring just as the timer is being stopped; under the handler of before the next would end the process."""
    set_timer, armed = signal.setitimer, list[float]()

    def ringing(which: int, seconds: float, interval: float = 0.0) -> tuple[float, float]:
        armed.append(seconds)
        if armed == [0, SHORT_S, 0]:
            raise in_time.OutOfTimeError
        return set_timer(which, seconds, interval)

    monkeypatch.setattr(signal, "setitimer", ringing)
    with pytest.raises(in_time.OutOfTimeError):
        in_time.in_time(lambda: 1, "acme", "slow")
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
