"""One of several items raises, at every stage of the worker: it ends alone and visibly, and its neighbours go on."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from tests.builders.exceptions import BUILT_IN, EXCEPTIONS
from tests.builders.faults import Refusing
from tests.builders.workflows import flow, node, start
from tests.builders.world import MINUTE_MS, World
from whendue.adapters.memory import MemoryStore
from whendue.engine.message import to_body
from whendue.engine.payload_store import PayloadStore
from whendue.engine.ports import Outgoing, ReceivedMessage, WriteResult, WriteStatus
from whendue.engine.runtime import Runtime
from whendue.jobs.limit_spec import Limit
from whendue.jobs.model import Job, State, to_item
from whendue.limits.limiter import Limiter
from whendue.limits.rate_tokens import RateTokens
from whendue.limits.slots import Slots
from whendue.metrics.recorder import MetricsRecorder
from whendue.notifications.publisher import NotificationPublisher
from whendue.pauses.service import PauseService
from whendue.profiles import lookup as profiles
from whendue.references import resolver as inputs
from whendue.submission.request import Dependency
from whendue.worker import claimer, ended_attempt, executor, processor
from whendue.workflows.runner import CompositeRunner

Planted = Callable[[Any, str], None]


def raises_for(victim: str, function: Callable[..., Any], error: BaseException, also: str = "") -> Callable[..., Any]:
    """Wrap a function so that it raises when it is called with anything that mentions the victim, and a further word.

    A method's own object is no argument of the call.
    """

    def call(*arguments: Any, **options: Any) -> Any:
        own = isinstance(arguments[0], Runtime) or hasattr(arguments[0], function.__name__)
        said = repr(arguments[1:] if own else arguments)
        if victim in said and also in said:
            raise error
        return function(*arguments, **options)

    call.__name__ = function.__name__
    return call


@dataclass(frozen=True)
class Stage:
    """A stage of a batch.

    Args:
        name: what it is.
        owner, function: what raises.
        also: only where the call mentions this, too.
        victim: what becomes of the one item: `stays` (its message comes again), `failed` (the attempt, with a named
            error), or a state: what raised was none of its own matter.
        wanted: what the jobs are like.
        kind: the jobs' type.
    """

    name: str
    owner: Any
    function: str
    victim: str
    also: str = ""
    wanted: tuple[tuple[str, Any], ...] = ()
    kind: str = "ok"


LIMITED = (("limit", Limit(concurrency=10, key="k")),)
RATED = (("limit", Limit(rate_per_s=400, key="k")),)
# Each has a key of its own, by its number.
OWN = (("limit", Limit(concurrency=10, rate_per_s=400, key="own")),)
BULKY = "bulky"
STAGES = (
    Stage("decode", processor, "from_body", "stays"),
    Stage("paused", PauseService, "held", "stays"),
    Stage("followed", profiles, "followed", "succeeded", wanted=(("follow", True),)),
    Stage("limit of", Limiter, "limit_of", "stays", wanted=LIMITED),
    Stage("limited, as stored", MemoryStore, "get", "stays", "'job'", LIMITED),
    Stage("slot", Slots, "take", "stays", wanted=LIMITED),
    Stage("token", Limiter, "_in_rate", "stays", wanted=RATED),
    Stage("claim", claimer, "claim", "stays"),
    Stage("claim, written", MemoryStore, "apply", "stays", "name='claim'"),
    Stage("claimed", claimer, "claimed", "stays"),
    Stage("payload", PayloadStore, "payloads", "failed", kind=BULKY),
    Stage("attempt", executor, "attempt", "failed"),
    Stage("result", PayloadStore, "place_result", "failed"),
    Stage("transition", ended_attempt, "succeed", "failed"),
    Stage("record", MemoryStore, "apply", "stays", "name='succeed'"),
    Stage("record, written", MemoryStore, "apply", "stays", "name='succeed'", LIMITED),
    Stage("slot, given back", Slots, "serve", "succeeded", "#own-1'", OWN),
    Stage("slot, looked up", Slots, "look", "stays", "#own-1'", OWN),
    Stage("token, reserved", RateTokens, "reserve", "stays", "#own-1'", OWN),
    Stage("news", NotificationPublisher, "wants", "succeeded"),
    Stage("count", MetricsRecorder, "note", "succeeded"),
)


def submit_three(world: World, stage: Stage) -> list[Job]:
    world.task(BULKY, lambda payload, ctx: None)
    payload = {"bulk": "x" * 2000} if stage.kind == BULKY else {}
    jobs = []
    for n in range(3):
        wanted = dict(stage.wanted)
        if stage.wanted is OWN:
            wanted["limit"] = replace(wanted["limit"], key=f"own-{n}")
        jobs.append(world.submit(stage.kind, payload | {"n": n}, **wanted))
    return jobs


@pytest.mark.parametrize("error", EXCEPTIONS)
@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name)
def test_whatever_one_item_raises_ends_that_one_alone(
    stage: Stage, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """G12: neighbours succeed in the same batch, and the log says what ended the one, and where."""
    world = World()
    jobs = submit_three(world, stage)
    victim = jobs[1]
    word = "" if stage.wanted is OWN else victim.id
    function = getattr(stage.owner, stage.function)
    with monkeypatch.context() as planted:
        planted.setattr(stage.owner, stage.function, raises_for(word, function, EXCEPTIONS[error], stage.also))
        world.app = world.build()
        messages = world.queues.receive("normal")
        worked = world.app.work.handle(messages, world.clock.now_ms() + MINUTE_MS)
    noted = world.app.bulkhead.take()
    states = [world.job(job).state for job in jobs]
    assert (states[0], states[2]) == (State.SUCCEEDED, State.SUCCEEDED), worked
    by_id = {message.id: message for message in messages}
    staying = [by_id[item].body for item in worked.unsettled]
    if stage.victim == "stays":
        assert [victim.id in body for body in staying] == [True], worked
        assert states[1] is not State.SUCCEEDED
    else:
        assert not staying, worked
        assert states[1].value == ("pending" if stage.victim == "failed" else stage.victim)
    if stage.victim == "failed":
        assert world.view(victim).attempts[-1].type == "internal_error"
    assert error in {error["error_type"] for error in noted["isolated"]} or error == "IOError"


@pytest.mark.parametrize("error", BUILT_IN)
@pytest.mark.parametrize("where", ["task", "text of its error", "result", "keys", "text of a key"])
def test_whatever_users_code_raises_ends_its_attempt_alone(error: str, where: str) -> None:
    """SystemExit, KeyboardInterrupt and GeneratorExit are no more than any other."""
    world = World()

    def misbehave(payload: Any, ctx: Any) -> Any:
        return misbehaving(where, BUILT_IN[error])

    world.task("misbehaves", misbehave)
    jobs = [world.submit(kind) for kind in ("ok", "misbehaves", "ok")]
    [worked] = world.work()
    assert worked.unsettled == []
    states = [world.job(job).state for job in jobs]
    assert (states[0], states[2]) == (State.SUCCEEDED, State.SUCCEEDED)
    last = world.view(jobs[1]).attempts[-1]
    if where == "task":
        assert last.type == type(BUILT_IN[error]).__name__
    elif where == "text of its error":
        assert (last.type, last.message) == ("SilentError", "(the error cannot be shown)")
    else:
        assert (states[1], last.type) == (State.DEAD, "result_not_json")


def misbehaving(where: str, error: BaseException) -> Any:
    """Do what somebody's task may do by mistake."""

    class SilentError(Exception):
        def __str__(self) -> str:
            raise error

    class Items(dict[Any, Any]):
        def items(self) -> Any:
            raise error

    class Odd(list[Any]):
        def __iter__(self) -> Any:
            raise error

    class Name(str):
        __slots__ = ()

        @property  # type: ignore[misc]
        def __class__(self) -> Any:
            raise error

    match where:
        case "task":
            raise error
        case "text of its error":
            raise SilentError
        case "result":
            return [Odd([1])]
        case "keys":
            return Items(a=1)
    return [Name("a"), object()]


@pytest.mark.parametrize("error", EXCEPTIONS)
@pytest.mark.parametrize("function", ["resolve", "find", "from_item"])
def test_whatever_a_reference_raises_ends_the_attempt_of_its_job_alone(
    function: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is resolved within the attempt: neither neighbours nor their messages know of it."""
    world = World()
    dependency = world.submit(payload={"n": 1})
    world.work()
    has_references = world.submit(
        payload={"x": {"$from": dependency.id, "path": "n"}}, depends_on=(Dependency(dependency.id),)
    )
    jobs = [world.submit(), world.job(has_references), world.submit()]

    def raising(*arguments: Any) -> Any:
        raise EXCEPTIONS[error]

    monkeypatch.setattr(inputs, function, raising)
    [worked] = world.work()
    assert worked.unsettled == []
    assert worked.counts["succeeded"] == 2
    assert world.view(jobs[1]).attempts[-1].type == "internal_error"


@pytest.mark.parametrize("error", EXCEPTIONS)
@pytest.mark.parametrize("function", ["_expand", "_gather"])
def test_whatever_one_composite_raises_is_its_own(function: str, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its attempt fails; it is tried again, as often as any."""
    world = World()
    whole = start(world, flow(node("a")))

    def raising(*arguments: Any) -> Any:
        raise EXCEPTIONS[error]

    if function == "_gather":
        # It expands, and its node runs: what is left is to gather.
        messages = world.queues.receive("normal", limit=1)
        world.app.work.handle(messages, world.clock.now_ms() + MINUTE_MS)
        messages = world.queues.receive("normal", limit=1)
        world.app.work.handle(messages, world.clock.now_ms() + MINUTE_MS)
        assert world.job(whole).state is State.PENDING
    monkeypatch.setattr(CompositeRunner, function, raising)
    jobs = [world.submit() for _ in range(2)]
    worked = world.work()
    assert [result.unsettled for result in worked] == [[]] * len(worked)
    assert [world.job(job).state for job in jobs] == [State.SUCCEEDED] * 2
    assert world.view(whole).attempts[-1].type == "internal_error"


def test_a_composite_whose_expansion_cannot_be_recorded_is_alone_with_it() -> None:
    """Its neighbour's members start; its own do when its message comes again."""
    world = World()
    wholes = [start(world, flow(node("a"))) for _ in range(2)]
    victim = wholes[0]

    def apply(writes: Any) -> Any:
        if any(write.name == "expand" and write.key == victim.key for write in writes):
            raise EXCEPTIONS["ValueError"]
        return world.table.apply(writes)

    app = world.build(Refusing(world.table, "apply", apply))
    messages = world.queues.receive("normal")
    worked = app.work.handle(messages, world.clock.now_ms() + MINUTE_MS)
    [message] = [message for message in messages if victim.id in message.body]
    assert worked.unsettled == [message.id]
    assert world.job(wholes[1]).state is State.WAITING
    world.work()
    assert world.job(wholes[1]).state is State.SUCCEEDED


@pytest.mark.parametrize("error", EXCEPTIONS)
@pytest.mark.parametrize("stage", ["heartbeat", "visibility", "standing"])
def test_whatever_one_heartbeat_raises_stops_nobody(stage: str, error: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither that of its neighbours, nor the batch."""
    world = World()
    world.task("slow", lambda payload, ctx: world.clock.advance(120))
    jobs = [world.submit("slow", policy={"timeout_s": 800}) for _ in range(4)]
    victim = jobs[2]
    renewed: list[str] = []

    def apply(writes: Any) -> Any:
        beats = [write.key.pk for write in writes if write.name == "heartbeat"]
        if stage == "heartbeat" and victim.key.pk in beats:
            raise EXCEPTIONS[error]
        renewed.extend(beats)
        unreadable = WriteResult(WriteStatus.REFUSED, {"pk": victim.key.pk, "state": "?"})
        odd = stage == "standing" and victim.key.pk in beats
        return [unreadable if odd and write.key == victim.key else world.table.apply([write])[0] for write in writes]

    def change_visibility(*arguments: Any) -> None:
        raise EXCEPTIONS[error]

    app = world.build(
        Refusing(world.table, "apply", apply), Refusing(world.queues, "change_visibility", change_visibility)
    )
    messages = world.queues.receive("normal")
    worked = app.work.handle(messages, world.clock.now_ms() + 60 * MINUTE_MS)
    assert worked.unsettled == []
    assert worked.counts["succeeded"] == 4
    if stage == "heartbeat":
        assert {job.key.pk for job in jobs[1:]} - set(renewed) == {victim.key.pk}
    assert app.bulkhead.take()["isolated"]


@pytest.mark.parametrize("error", EXCEPTIONS)
def test_a_message_that_cannot_be_hidden_stays_all_the_same(error: str) -> None:
    """It came early; it comes again."""
    world = World()
    early = world.submit(delay_s=300)
    world.queues.send("normal", [Outgoing(to_body(early), 0)])
    job = world.submit()

    def change_visibility(*arguments: Any) -> None:
        raise EXCEPTIONS[error]

    worked = world.build(queue=Refusing(world.queues, "change_visibility", change_visibility)).work.handle(
        world.queues.receive("normal"), world.clock.now_ms() + MINUTE_MS
    )
    assert (len(worked.unsettled), worked.counts) == (1, {"early": 1, "succeeded": 1})
    assert world.job(job).state is State.SUCCEEDED


# --- what the table can hold in no way --------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "state"), [("claim", "dead"), ("succeed", "dead"), ("fail", "running")])
def test_what_the_table_can_hold_in_no_way_ends_its_job_visibly(name: str, state: str) -> None:
    """A write that is INVALID would be so for ever: it is not tried again and again."""
    world = World()
    jobs = [world.submit("bad" if name == "fail" else "ok", {"n": n}) for n in range(3)]
    victim = jobs[1]

    def apply(writes: Any) -> Any:
        return [
            WriteResult(WriteStatus.INVALID)
            if write.key == victim.key and write.name == name
            else world.table.apply([write])[0]
            for write in writes
        ]

    [worked] = world.work(world.build(Refusing(world.table, "apply", apply)))
    job = world.job(victim)
    assert job.state.value == state
    neighbours = {world.job(item).state for item in (jobs[0], jobs[2])}
    assert neighbours == {State.PENDING if name == "fail" else State.SUCCEEDED}
    if state == "dead":
        assert job.last is not None
        assert (job.last.type, worked.unsettled) == ("unstorable", [])
    else:
        assert worked.counts["isolated"] == 1


ODD_BODIES = (
    "",
    "null",
    "[]",
    "[" * 100_000,
    '{"v":1}',
    '{"v":1,"job":null}',
    '{"v":2,"job":{}}',
    '{"v":1,"job":{"pk":5}}',
    '{"v":' + "9" * 5000 + "}",
    "\ud800",
)


@pytest.mark.parametrize("body", ODD_BODIES)
def test_an_odd_message_stays_and_its_neighbours_run(body: str) -> None:
    """Redrive takes it to the dead-letter queue."""
    world = World()
    world.queues.send("normal", [Outgoing(body, 0)])
    job = world.submit()
    [worked] = world.work()
    assert (len(worked.unsettled), worked.counts["unreadable"]) == (1, 1)
    assert world.job(job).state is State.SUCCEEDED


ODD_FIELDS: tuple[tuple[str, Any], ...] = (
    ("policy", {"timeout_s": "x"}),
    ("policy", {"base_s": "1"}),
    ("policy", None),
    ("state", "asleep"),
    ("due_at", "1"),
    ("due_at", 1.5),
    ("due_pk", 7),
    ("type", None),
    ("tags", "x"),
    ("limit", {"concurrency": "x"}),
    ("last", {"type": 5}),
    ("lease_until", True),
)


@pytest.mark.parametrize(("field", "value"), ODD_FIELDS)
def test_a_job_that_nobody_can_read_harms_nobody(field: str, value: Any) -> None:
    """Neither as a message, nor as stored, in the worker and in the dead-letter function."""
    world = World()
    jobs = [world.submit() for _ in range(3)]
    broken = jobs[1]
    item: Any = to_item(broken) | {field: value}
    if value is None:
        del item[field]
    elif field == "policy":
        item[field] = to_item(broken)["policy"] | value
    bodies = [to_body(jobs[0]), json.dumps({"v": 1, "job": item}), to_body(broken), to_body(jobs[2])]
    world.table.rows[broken.key] = item
    messages = [ReceivedMessage(f"m{n}", f"r{n}", body, 1, "normal") for n, body in enumerate(bodies)]
    worked = world.app.work.handle([messages[n] for n in (0, 1, 3)], world.clock.now_ms() + MINUTE_MS)
    assert worked == (["m1"], {"unreadable": 1, "succeeded": 2})
    settled = world.app.dead_letter.handle(messages)
    assert set(settled.unsettled) == {"m1", "m2"}
    assert settled.counts == {"unreadable": 1, "isolated": 1, "stale": 2}


def test_a_part_that_the_table_can_hold_in_no_way_ends_its_whole() -> None:
    """It would be waited for for ever."""
    world = World()
    whole = start(world, flow(node("a"), node("b")))

    def apply(writes: Any) -> Any:
        return [
            WriteResult(WriteStatus.INVALID)
            if getattr(write, "job", whole).node == "b"
            else world.table.apply([write])[0]
            for write in writes
        ]

    world.work(world.build(Refusing(world.table, "apply", apply)))
    job = world.job(whole)
    assert (job.state, job.last and job.last.type) == (State.DEAD, "invalid_request")


def test_a_deferral_that_the_table_can_hold_in_no_way_leaves_its_message() -> None:
    """Dropped, it would be sent again and again by the timer."""
    world = World()
    jobs = [world.submit(limit=Limit(concurrency=1, key="k")) for _ in range(2)]

    def apply(writes: Any) -> Any:
        return [
            WriteResult(WriteStatus.INVALID) if write.name == "defer" else world.table.apply([write])[0]
            for write in writes
        ]

    [worked] = world.work(world.build(Refusing(world.table, "apply", apply)))
    assert len(worked.unsettled) == 1
    assert {world.job(job).state for job in jobs} == {State.SUCCEEDED, State.PENDING}
