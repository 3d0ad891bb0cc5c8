"""What one job of many raises ends that one, visibly; its neighbours are accepted. Validators are code of users."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from pydantic import BaseModel, Field, field_validator, model_validator

from tests.builders.api import a_token, api_of
from tests.builders.exceptions import BUILT_IN, EXCEPTIONS
from tests.builders.gateway import Client
from tests.builders.world import TENANT, World
from whendue.adapters.memory import MemoryQueue
from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.registry import channel, task
from whendue.engine.ports import Outgoing, WriteResult, WriteStatus
from whendue.engine.reconcile import DependencyReconciler
from whendue.errors import UnavailableError
from whendue.notifications.publisher import NotificationPublisher
from whendue.profiles.lookup import ProfileLookup
from whendue.submission.dependency_edges import DependencyEdges
from whendue.submission.plan import JobPlanner
from whendue.submission.request import JobRequest
from whendue.table.writes import Write


def picky(world: World, error: BaseException) -> None:
    """Declare a task whose validator raises an error for the payload {"raise": true}."""

    class Picky(BaseModel, extra="allow"):
        @model_validator(mode="before")
        @classmethod
        def _raise(cls, value: Any) -> Any:
            if value.get("raise"):
                raise error
            return value

    def run(payload: Picky) -> str:
        return "ran"

    task("picky", registry=world.registry)(run)


def a_job(*, bad: bool = False, **more: Any) -> dict[str, Any]:
    return {"type": "picky", "payload": {"raise": True} if bad else {}} | more


@pytest.mark.parametrize("name", BUILT_IN)
def test_whatever_a_validator_raises_refuses_that_job_alone(world: World, client: Client, name: str) -> None:
    """Alone, in a batch, as a node, in a schedule: never a 500, and never its text."""
    picky(world, BUILT_IN[name])
    alone = client.send("POST", "/jobs", a_job(bad=True))
    assert (alone.status, alone.code) == (422, "invalid_payload")
    items = client.send("POST", "/jobs/batch", {"jobs": [a_job(), a_job(bad=True), a_job()]}).json["items"]
    assert [item["status"] for item in items] == [202, 422, 202]
    nodes = {"a": a_job(), "b": a_job(bad=True), "c": a_job()}
    flow = client.send("POST", "/workflows", {"nodes": nodes})
    assert (flow.status, flow.code) == (422, "invalid_workflow")
    assert [problem["where"].split(".")[:2] for problem in flow.json["errors"]] == [["nodes", "b"]]
    put = client.send("PUT", "/schedules/s", {"cron": "0 * * * *", "job": a_job(bad=True)})
    assert (put.status, put.code) == (422, "invalid_payload")
    for text in (alone.text, json.dumps(items), flow.text, put.text):
        assert "on purpose" not in text or issubclass(type(BUILT_IN[name]), ValueError | AssertionError)


@pytest.mark.parametrize("name", BUILT_IN)
def test_whatever_a_validator_raises_for_an_item_of_a_for_each(world: World, client: Client, name: str) -> None:
    """The fan-out of that workflow ends, with its error; another workflow beside it succeeds."""
    picky(world, BUILT_IN[name])
    world.task("list", lambda payload, ctx: payload.items)

    def flow(*items: dict[str, Any]) -> str:
        each = {"type": "picky", "payload": {"$item": "@"}, "forEach": {"$from": "step-1"}, "retries": 0}
        first = {"type": "list", "payload": {"items": list(items)}}
        answer = client.send("POST", "/workflows", {"chain": [first, each]})
        assert answer.status == 202, answer.text
        return str(answer.json["id"])

    bad, good = flow({}, {"raise": True}, {}), flow({}, {}, {})
    world.pass_time(30)
    assert client.send("GET", f"/workflows/{good}").json["state"] == "succeeded"
    failed = client.send("GET", f"/workflows/{bad}").json
    assert failed["state"] == "dead"
    assert "invalid_payload" in json.dumps(failed)


def test_a_validator_that_fails_when_it_runs_fails_an_attempt_not_the_job(world: World) -> None:
    """It had accepted the payload; what fails now may work later."""
    down = [True]

    class Looks(BaseModel):
        @model_validator(mode="before")
        @classmethod
        def _look(cls, value: Any) -> Any:
            if down[0]:
                raise OSError("the list of customers is away")
            return value

    def run(payload: Looks) -> str:
        return "ran"

    task("looks", registry=world.registry)(run)
    down[0] = False
    job = world.submit("looks")
    down[0] = True
    world.work()
    assert world.view(job).attempts[-1].type == "OSError"
    down[0] = False
    world.pass_time(60)
    assert world.view(job).result == "ran"


# --- what a validator does besides raising -------------------------------------------------------------------------


def test_a_validator_that_changes_its_input_changes_nothing_that_is_stored(world: World, client: Client) -> None:
    """What is stored is what was sent, and JSON."""

    class Greedy(BaseModel):
        name: str

        @model_validator(mode="before")
        @classmethod
        def _take(cls, value: Any) -> Any:
            value["when"] = object()
            return {"name": value.pop("name")}

    def run(payload: Greedy) -> str:
        return payload.name

    task("greedy", registry=world.registry)(run)
    job = client.submit("greedy", payload={"name": "Ada"})
    flow = client.send("POST", "/workflows", {"chain": [{"type": "greedy", "payload": {"name": "Ada"}}]})
    assert flow.status == 202, flow.text
    world.pass_time(5)
    shown = client.send("GET", f"/jobs/{job['id']}").json
    assert (shown["state"], shown["payload"], shown["result"]) == ("succeeded", {"name": "Ada"}, "Ada")
    assert client.send("GET", f"/workflows/{flow.json['id']}").json["state"] == "succeeded"


class SilentError(ValueError):
    def __str__(self) -> str:
        raise RuntimeError("hunter2")


class Inner(BaseModel):
    secret: int


class Odd(BaseModel, extra="forbid"):
    numbers: list[int] = Field(default_factory=list)
    silent: bool = False
    inner: Any = None

    @field_validator("silent")
    @classmethod
    def _say_nothing(cls, silent: bool) -> bool:
        if silent:
            raise SilentError
        return silent

    @field_validator("inner")
    @classmethod
    def _look_inside(cls, inner: Any) -> Any:
        return None if inner is None else Inner.model_validate(inner)


@pytest.mark.parametrize(
    "payload",
    [
        {"silent": True},
        {"numbers": ["x"] * 30},
        {"numbers": ["x"] * 100_000},
        {"k" * 500_000: 1},
        {f"key{number}": 1 for number in range(20_000)},
        {"inner": {"secret": "hunter2"}},
    ],
    ids=["an error without text", "many", "very many", "a long name", "many names", "a model inside"],
)
def test_an_answer_about_a_payload_is_short_and_without_values(
    world: World, client: Client, payload: dict[str, Any]
) -> None:
    """However much does not fit, and whatever describing it does."""

    def run(payload: Odd) -> None: ...

    task("odd", registry=world.registry)(run)
    answer = client.send("POST", "/jobs", {"type": "odd", "payload": payload})
    assert (answer.status, answer.code) == (422, "invalid_payload")
    assert 0 < len(answer.json["errors"]) <= 21
    assert len(answer.text) < 20_000
    assert "hunter2" not in answer.text


# --- channels --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", BUILT_IN)
@pytest.mark.parametrize("where", ["validator", "check", "signed"])
def test_whatever_a_channel_s_configuration_raises(world: World, client: Client, name: str, where: str) -> None:
    """Refused with a problem, and nothing else."""

    def fail(at: str) -> None:
        if at == where:
            raise BUILT_IN[name]

    class Loft(ChannelConfig):
        loft: str

        @field_validator("loft")
        @classmethod
        def _see(cls, loft: str) -> str:
            fail("validator")
            return loft

        @property
        def signed(self) -> None:
            fail("signed")

    def fly(event: Event, config: Loft, attempt: Attempt) -> None: ...

    channel("pigeon", check=lambda config, tenant: fail("check"), registry=world.registry)(fly)
    body = {"channel": "pigeon", "config": {"loft": "roof"}, "events": ["dead"]}
    answer = client.send("PUT", "/subscriptions/roof", body)
    assert (answer.status, answer.code) == (422, "invalid_request"), answer.text
    assert answer.json["errors"][0]["where"].startswith("config")


# --- every stage of submit -------------------------------------------------------------------------------------------

Plant = Callable[[World, pytest.MonkeyPatch, Exception], None]


def _patched(owner: Any, name: str, is_it: Callable[..., bool]) -> Plant:
    """Let a function raise where it handles the bad one."""

    def plant(world: World, patch: pytest.MonkeyPatch, error: Exception) -> None:
        real = getattr(owner, name)

        def planted(*arguments: Any, **named: Any) -> Any:
            if is_it(*arguments, **named):
                raise error
            return real(*arguments, **named)

        patch.setattr(owner, name, planted)

    return plant


def _in_the_table(world: World, patch: pytest.MonkeyPatch, error: Exception) -> None:
    real = world.table.apply

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        if any(write.changes.get("group") == "bad" for write in writes):
            raise error
        return real(writes)

    patch.setattr(world.table, "apply", apply)


STAGES: dict[str, Plant] = {
    "dependencies": _patched(DependencyEdges, "upstreams_of", lambda self, request: request.group == "bad"),
    "prepare": _patched(JobPlanner, "submission", lambda self, tenant, request, *_: request.group == "bad"),
    "made": _patched(DependencyEdges, "made", lambda self, request, *_: request.group == "bad"),
    "profile": _patched(ProfileLookup, "find", lambda self, tenant, name, **_: name == "mine"),
    "write": _in_the_table,
}


@pytest.mark.parametrize("name", EXCEPTIONS)
@pytest.mark.parametrize("stage", STAGES)
def test_an_error_at_any_stage_ends_one_of_a_batch(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch, stage: str, name: str
) -> None:
    """As a problem of its own; the others are accepted, and run."""
    if stage == "profile":
        client.send("PUT", "/profiles/mine", {"retries": 1})
        world.app.profiles.forget(TENANT, "mine")
    STAGES[stage](world, monkeypatch, EXCEPTIONS[name])
    bad: dict[str, Any] = {"type": "ok", "group": "bad", "profile": "mine" if stage == "profile" else "default"}
    dependent = {"type": "ok", "dependsOn": [{"ref": "first"}]}
    reply = client.send("POST", "/jobs/batch", {"jobs": [{"type": "ok", "ref": "first"}, bad, dependent]})
    assert reply.status == 207
    items = reply.json["items"]
    assert [item["status"] for item in items] == [202, 500, 202]
    assert items[1]["problem"]["code"] == "internal_error"
    assert "on purpose" not in reply.text
    monkeypatch.undo()
    world.pass_time(5)
    for item in (items[0], items[2]):
        assert client.send("GET", f"/jobs/{item['job']['id']}").json["state"] == "succeeded"


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_a_job_whose_subscribers_cannot_be_found_is_accepted(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is written as one that somebody may want to hear of: whoever ends it looks again."""
    _patched(NotificationPublisher, "wants", lambda self, step: step.job.group == "bad")(
        world, monkeypatch, EXCEPTIONS[name]
    )
    reply = client.send("POST", "/jobs/batch", {"jobs": [{"type": "ok"}, {"type": "ok", "group": "bad"}]})
    assert [item["status"] for item in reply.json["items"]] == [202, 202]
    monkeypatch.undo()
    world.pass_time(120)
    for item in reply.json["items"]:
        assert client.send("GET", f"/jobs/{item['job']['id']}").json["state"] == "succeeded"


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_an_error_of_a_look_at_dependencies_takes_nothing_back(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """The jobs are written; the one that could not look does so when its next check rings."""
    first = client.submit()
    world.work()
    waiting = [{"type": "ok", "dependsOn": [first["id"]], "group": group} for group in ("good", "bad", "good")]
    _patched(DependencyReconciler, "_reconcile", lambda self, job: job.group == "bad")(
        world, monkeypatch, EXCEPTIONS[name]
    )
    items = client.send("POST", "/jobs/batch", {"jobs": waiting}).json["items"]
    assert [item["status"] for item in items] == [202, 202, 202]
    monkeypatch.undo()
    world.pass_time(200)
    assert {client.send("GET", f"/jobs/{item['job']['id']}").json["state"] for item in items} == {"succeeded"}


@pytest.mark.parametrize("name", EXCEPTIONS)
@pytest.mark.parametrize("where", ["_read_batch_job", "job_reply"])
def test_an_error_of_reading_or_showing_one_job_is_its_own(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch, name: str, where: str
) -> None:
    """What is accepted stays accepted, whether or not it can be shown."""
    from functions.api.routes import jobs
    from functions.api.schemas.job_requests import BatchJobBody

    if where == "job_reply":
        _patched(jobs, where, lambda job, now_ms: job.group == "bad")(world, monkeypatch, EXCEPTIONS[name])
    else:
        bad = lambda value: isinstance(value, dict) and value.get("group") == "bad"  # noqa: E731 - a name for it
        _patched(BatchJobBody, "read", bad)(world, monkeypatch, EXCEPTIONS[name])
    wanted = [{"type": "ok"}, {"type": "ok", "group": "bad"}, {"type": "ok"}]
    reply = client.send("POST", "/jobs/batch", {"jobs": wanted})
    assert [item["status"] for item in reply.json["items"]] == [202, 500, 202]


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_a_job_whose_message_cannot_be_sent_is_accepted_all_the_same(
    world: World, client: Client, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """It is written, and the timer sends it; its neighbours' messages go out at once."""
    real = MemoryQueue.send

    def send(self: MemoryQueue, queue: str, messages: Sequence[Outgoing]) -> list[bool]:
        if any(message.body.find('"group":"bad"') >= 0 for message in messages):
            raise EXCEPTIONS[name]
        return real(self, queue, messages)

    monkeypatch.setattr(MemoryQueue, "send", send)
    wanted = [{"type": "ok"}, {"type": "ok", "group": "bad"}, {"type": "ok"}]
    items = client.send("POST", "/jobs/batch", {"jobs": wanted}).json["items"]
    assert [item["status"] for item in items] == [202, 202, 202]
    monkeypatch.undo()
    world.work()
    states = [client.send("GET", f"/jobs/{item['job']['id']}").json["state"] for item in items]
    assert states == ["succeeded", "queued", "succeeded"]
    world.pass_time(180)
    assert client.send("GET", f"/jobs/{items[1]['job']['id']}").json["state"] == "succeeded"


def test_what_the_table_cannot_hold_is_one_job_s_problem(world: World) -> None:
    """The adapters say so of a single write."""
    real = world.table.apply

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        results = iter(real([write for write in writes if write.changes.get("group") != "bad"]))
        return [
            WriteResult(WriteStatus.INVALID) if write.changes.get("group") == "bad" else next(results)
            for write in writes
        ]

    world.table.apply = apply  # type: ignore[method-assign]
    client = Client(api_of(world), a_token())
    wanted = [{"type": "ok"}, {"type": "ok", "group": "bad"}, {"type": "ok"}]
    items = client.send("POST", "/jobs/batch", {"jobs": wanted}).json["items"]
    assert [item["status"] for item in items] == [202, 422, 202]


def test_dependencies_that_cannot_be_read_refuse_those_who_wait_for_them_alone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A throttled read of one job's dependencies is nothing to the others."""
    first = world.submit()
    monkeypatch.setattr(world.table, "get", _unavailable)
    results = world.app.submit.many(
        TENANT, [JobRequest("ok", {}), JobRequest("ok", {}, depends_on=_on(first.id)), JobRequest("ok", {})]
    )
    assert [isinstance(end, UnavailableError) for end in results] == [False, True, False]


def test_finding_the_one_to_blame_costs_a_logarithm(world: World) -> None:
    """500 jobs, one of which the table's client cannot even send."""
    calls = []
    real = world.table.apply

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        calls.append(len(writes))
        if any(write.changes.get("group") == "bad" for write in writes):
            raise TypeError("broken on purpose")
        return real(writes)

    world.table.apply = apply  # type: ignore[method-assign]
    requests = [JobRequest("ok", {}, group="bad" if number == 321 else None) for number in range(500)]
    results = world.app.submit.many(TENANT, requests)
    assert [number for number, end in enumerate(results) if isinstance(end, Exception)] == [321]
    assert len(calls) <= 2 * 9 + 1


def _unavailable(*_: object) -> Any:
    raise UnavailableError


def _on(job_id: str) -> Any:
    from whendue.submission.request import Dependency

    return (Dependency(job=job_id, ref=None, on="success", name=None),)
