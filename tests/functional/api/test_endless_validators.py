"""A validator that does not end refuses its own value, in bounded time: neither the request nor the timer waits for it.

The endless ones end after some 20 s, so that these tests fail rather than hang.
"""

import re
import signal
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, model_validator

from tests.builders.api import a_token, api_of
from tests.builders.gateway import Answer, Client
from tests.builders.world import TENANT, World
from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.registry import channel, task
from whendue.submission.request import JobRequest
from whendue.support import time_limit as in_time

LONG_S = 20


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
    monkeypatch.setattr(in_time, "VALIDATION_S", 0.05)


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


def test_a_request_is_one_scope_and_the_next_another(world: World) -> None:
    """Outside of both, as in an attempt, each validation has a time of its own."""
    declare(world)
    for _ in range(2):
        with pytest.raises(Exception, match="did not end within"):
            world.app.submit.one(TENANT, JobRequest("slow", {"hang": True}))


def test_no_check_is_left_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    """It may ring just as the timer is being stopped; under the handler of before the next would end the process."""
    stop, stops = signal.setitimer, list[float]()

    def rings(which: int, seconds: float, interval: float = 0.0) -> tuple[float, float]:
        stops.extend([seconds] if seconds == 0 else [])
        if stops == [0]:
            stops.append(1)
            raise in_time.OutOfTimeError
        return stop(which, seconds, interval)

    monkeypatch.setattr(signal, "setitimer", rings)
    with pytest.raises(in_time.OutOfTimeError):
        in_time.in_time(lambda: 1, "acme", "slow")
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
