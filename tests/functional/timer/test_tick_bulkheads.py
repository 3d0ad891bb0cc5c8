"""One of several items raises, at any stage of the timer: the others are served in the same tick, and it is logged."""

import copy
import importlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import pytest

from tests.builders.exceptions import BUILT_IN, EVERY, EXCEPTIONS
from tests.builders.schedules import definition
from tests.builders.world import TENANT, World
from whendue.engine.message import from_body, to_body
from whendue.jobs.model import Job, State, from_item
from whendue.pauses.model import tenant_pause
from whendue.quotas import MAX_LOST
from whendue.schedules.history import FireFilter
from whendue.schedules.model import schedule_key
from whendue.schedules.ticks.runner import ScheduleRunner
from whendue.submission.request import Dependency, JobRequest
from whendue.table.keys import Key
from whendue.table.writes import insert
from whendue.timer.tick import Ticked

GOOD, BAD = TENANT, "bad"
STEP = 16


def some_of(errors: Mapping[str, Exception], number: int) -> dict[str, Exception]:
    """Return every 16th, from another one on for each stage; all of them when EVERY is set."""
    every = list(errors.items())
    return dict(every if os.environ.get(EVERY) else every[number % STEP :: STEP])


@dataclass(slots=True)
class Scene:
    """Two tenants with one of everything that a tick serves: GOOD's is always to be served."""

    world: World
    queue: str
    expected: set[str]
    items: Any = None
    indexes: Any = None
    messages: Any = None
    now_ms: int = 0

    def keep(self) -> None:
        table, queues = self.world.table, self.world.queues
        self.items, self.indexes = copy.deepcopy(table.rows), copy.deepcopy(table.indexes)
        self.messages, self.now_ms = copy.deepcopy(queues.messages), self.world.clock.now_ms()

    def restore(self) -> None:
        table, queues = self.world.table, self.world.queues
        for now, then in (
            (table.rows, self.items),
            (table.indexes, self.indexes),
            (queues.messages, self.messages),
        ):
            now.clear()
            now.update(copy.deepcopy(then))
        self.world.clock.move_to(self.now_ms)

    def sent(self) -> set[str]:
        """The jobs whose messages are in queues now and were not before."""
        return {from_body(message.body).id for messages in self.world.queues.messages.values() for message in messages}

    def jobs_of(self, tenant: str, **wanted: Any) -> list[Any]:
        jobs = [from_item(item) for key, item in self.world.table.items().items() if key.sk == "job"]
        return [job for job in jobs if job.tenant == tenant and all(getattr(job, n) == v for n, v in wanted.items())]


def scene(bad_queue: str) -> Scene:
    world = World()
    app = world.app
    expected: set[str] = set()
    for tenant, queue in ((BAD, bad_queue), (GOOD, "normal")):

        def made(tenant: str = tenant, queue: str = queue, **wanted: Any) -> str:
            return app.submit.one(tenant, JobRequest("ok", {}, queue=queue, **wanted)).job.id

        lost = [made(), made()]
        dependency, killer = made(), made()
        dependent = made(depends_on=(Dependency(job=dependency),))
        world.queues.discard(queue)
        promoted = [made(delay_s=330), made(delay_s=331)]
        app.schedules.put(tenant, "s", definition("0 * * * * *"))
        # Its dependency has ended, and nobody has told it.
        item = world.table.rows[Key(f"JOB#{dependency}", "job")]
        ended = {"state": "succeeded", "finished_at": world.clock.now_ms(), "pending_fan_out": "", "lease_until": 0}
        world.table.rows[Key(f"JOB#{dependency}", "job")] = {**item, **ended}
        # Another one's workers have died once too often: it is to end.
        item = world.table.rows[Key(f"JOB#{killer}", "job")]
        running = {"state": "running", "fence": "x", "claims": MAX_LOST, "lease_until": item["due_at"] + 1}
        world.table.rows[Key(f"JOB#{killer}", "job")] = {**item, **running}
        expected |= {*lost, dependent, *promoted} if tenant == GOOD else set()
    world.clock.advance(60 - world.clock.now_ms() // 1000 % 60)
    world.clock.advance(190)
    for tenant in (BAD, GOOD):
        with patch.object(type(app.backfills), "further", lambda _, backfill: backfill):
            app.backfills.begin(tenant, "s", world.clock.now_ms() - 600_000, world.clock.now_ms(), 3, force=True)
    world.clock.advance(60)
    found = Scene(world, bad_queue, expected)
    found.keep()
    return found


Patched = Any
Stage = Callable[[Scene, BaseException], list[Patched]]


def raising(target: str, error: BaseException, is_bad: Callable[..., bool]) -> Patched:
    """Patch a function so that it raises for what is BAD's."""
    module, _, name = target.rpartition(".")
    owner: Any
    try:
        owner = importlib.import_module(module)
    except ModuleNotFoundError:
        package, _, kind = module.rpartition(".")
        owner = getattr(importlib.import_module(package), kind)
    real = getattr(owner, name)

    def function(*arguments: Any, **options: Any) -> Any:
        if is_bad(*arguments, **options):
            raise error
        return real(*arguments, **options)

    return patch.object(owner, name, function)


def bad_first(value: Any, *_: Any, **__: Any) -> bool:
    """Whether the first argument is BAD's."""
    return _is_bad(value)


def bad_self(_: Any, value: Any, *__: Any, **___: Any) -> bool:
    """Whether the first argument of a method is BAD's."""
    return _is_bad(value)


def _is_bad(value: Any) -> bool:
    if isinstance(value, Mapping):
        return BAD in (value.get("tenant"), *str(value.get("pk")).split("#"))
    return getattr(value, "tenant", None) == BAD or BAD in str(getattr(value, "pk", "")).split("#")


def function(target: str, is_bad: Callable[..., bool] = bad_first) -> Stage:
    return lambda _, error: [raising(f"whendue.{target}", error, is_bad)]


def writing(*names: str) -> Stage:
    """Every batch of writes in which there is such a one of BAD's."""

    def stage(scene: Scene, error: BaseException) -> list[Patched]:
        ids = {job.id for job in scene.jobs_of(BAD)}

        def is_bad(_: Any, writes: Sequence[Any]) -> bool:
            return any(
                write.name in names
                and (BAD in write.key.pk or write.key.pk[4:] in ids or write.changes.get("tenant") == BAD)
                for write in writes
            )

        return [raising("whendue.adapters.memory.store.MemoryStore.apply", error, is_bad)]

    return stage


def reading(sk: str) -> Stage:
    """Every read in which there is such an item of BAD's."""

    def stage(scene: Scene, error: BaseException) -> list[Patched]:
        ids = {job.id for job in scene.jobs_of(BAD)}

        def is_bad(_: Any, keys: Sequence[Key]) -> bool:
            return any(key.sk.startswith(sk) and (BAD in key.pk or key.pk[4:] in ids) for key in keys)

        return [raising("whendue.adapters.memory.store.MemoryStore.get", error, is_bad)]

    return stage


def in_partition(_: Any, partition: str, *__: Any, **___: Any) -> bool:
    return "low" in partition


def in_low(pages: Sequence[Any]) -> bool:
    return any("low" in page.cursor.partition for page in pages)


def in_queue(_: Any, queue: str, *__: Any, **___: Any) -> bool:
    return queue == "low"


def with_bad_message(_: Any, __: str, messages: Sequence[Any]) -> bool:
    return any(message.group == BAD for message in messages)


def stored_pause(scene: Scene, error: BaseException) -> list[Patched]:
    scene.world.table.apply([insert("pause", tenant_pause(BAD), {"reason": "?"})])
    return [raising("whendue.pauses.service.from_item", error, lambda item: True)]


ALONE: dict[str, Stage] = {
    "a schedule is read": function("schedules.ticks.runner.from_item"),
    "schedules are read together": reading("schedule#"),
    "a plan is proposed": function("schedules.enqueuer.proposed"),
    "a plan is made": function("schedules.enqueuer.plan"),
    "a job is prepared": function("submission.plan.JobPlanner.submission", lambda _, tenant, *__: tenant == BAD),
    "a fire is entered": function("schedules.fire_entries.enter"),
    "fires are written": writing("enter_fire", "submit", "commit_plan"),
    "a schedule's jobs are written": writing("submit"),
    "a schedule is advanced": function("schedules.enqueuer.advanced"),
    "failures are counted": function("schedules.ticks.auto_pause.AutoPauser.pause_if_failing", bad_self),
    "a backfill is read": function("schedules.ticks.continued.backfill_from"),
    "backfills are read together": reading("backfill#"),
    "a backfill makes a chunk": function("schedules.backfills.service.chunk"),
    "a backfill is moved": writing("move_backfill"),
    "a job is read": function("timer.current_jobs.from_item"),
    "jobs are read together": reading("job"),
    "a job is chosen": function("timer.promote.owner_is_promote"),
    "a message is made": function("engine.apply.to_body"),
    "messages are sent together": function("adapters.memory.queue.MemoryQueue.send", with_bad_message),
    "rescue chooses": function("timer.rescue.owner_is_promote"),
    "rescue decides": function("timer.rescue.decide"),
    "rescue moves a job": writing("postpone_check", "mark_dead", "cancel_lost"),
    "a pause is read": stored_pause,
    "a dependent hears": function("engine.release.decide"),
    "news is wanted": function(
        "notifications.publisher.NotificationPublisher.wants", lambda _, step: step.job.tenant == BAD
    ),
    "news is told": function("notifications.publisher.NotificationPublisher._of_job", bad_self),
    "ends are told": writing("finish_fan_out", "release"),
    "transitions are counted": function(
        "metrics.recorder.MetricsRecorder.note", lambda _, done: any(s.job.tenant == BAD for s, _ in done)
    ),
}
# What is a whole queue's, in which BAD's jobs are.
ITS_QUEUE: dict[str, Stage] = {
    "a partition is listed": function("adapters.memory.store.MemoryStore.query_due", in_partition),
    "a queue takes messages": function("adapters.memory.queue.MemoryQueue.send", in_queue),
    "a queue is asked for its depth": function("adapters.memory.queue.MemoryQueue.depth", in_queue),
    "a cursor is moved": function("timer.due_cursors.CursorItem.move", lambda self, _: "low" in self._key.pk),
    "cursors are read": function(
        "timer.open_scans.read_cursors", lambda _, __, names: any("low" in name for name in names)
    ),
    "a window is promoted": function("timer.tick.promote", lambda _, pages: in_low(pages)),
    "a window is rescued": function("timer.tick.lost_jobs", lambda _, pages, __: in_low(pages)),
}


def served(scene: Scene, *, schedules: bool = True) -> None:
    """GOOD's part of the tick is done."""
    missing = scene.expected - scene.sent()
    assert not missing, [
        (job.state, job.check_at, job.pending_fan_out) for job in scene.jobs_of(GOOD) if job.id in missing
    ]
    if schedules:
        now_ms = scene.world.clock.now_ms()
        fires = [job for job in scene.jobs_of(GOOD, schedule="s") if job.nominal_at and job.nominal_at > now_ms]
        assert len(fires) == 2
        assert len([job for job in scene.jobs_of(GOOD, schedule="s") if job.due_at == now_ms]) >= 3


@pytest.fixture(scope="module")
def scenes() -> dict[str, Scene]:
    return {queue: scene(queue) for queue in ("normal", "low")}


def test_without_a_fault_everything_is_served(scenes: dict[str, Scene]) -> None:
    """What the others are compared with: nothing is isolated."""
    for scene in scenes.values():
        scene.restore()
        app = scene.world.build()
        scene.world.tick(app)
        served(scene)
        assert app.bulkhead.take() == {}


@pytest.mark.parametrize("stage", [*ALONE, *ITS_QUEUE])
def test_one_that_raises_takes_no_other_with_it(scenes: dict[str, Scene], stage: str) -> None:
    """Every exception that Python has, at every stage; a part of them at each stage unless EVERY is set."""
    scene = scenes["normal" if stage in ALONE else "low"]
    for name, error in some_of(EXCEPTIONS, [*ALONE, *ITS_QUEUE].index(stage)).items():
        scene.restore()
        app = scene.world.build()
        patches = (ALONE | ITS_QUEUE)[stage](scene, error)
        for each in patches:
            each.start()
        try:
            scene.world.tick(app)
        finally:
            for each in patches:
                each.stop()
        served(scene)
        assert app.bulkhead.take().get("isolated_errors", 0) > 0, name


def test_the_schedules_pass_that_fails_as_a_whole_stops_neither_promote_nor_rescue(scenes: dict[str, Scene]) -> None:
    """Jobs are served whatever becomes of schedules."""
    scene = scenes["normal"]
    for error in some_of(EXCEPTIONS, 0).values():
        scene.restore()
        app = scene.world.build()
        with raising("whendue.schedules.ticks.runner.ScheduleRunner.run", error, lambda *_: True):
            ticked: Ticked = scene.world.tick(app)
        served(scene, schedules=False)
        assert ticked.behind == ["schedules"]


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name != "BaseException"])
def test_a_validator_may_raise_anything_when_a_schedule_fires(name: str) -> None:
    """The fire is skipped with a reason, the schedule says why, and all others fire."""
    world = World()
    world.task("picky", lambda payload, ctx: None)
    for tenant, task in ((BAD, "picky"), (GOOD, "ok")):
        wanted = replace(definition("0 * * * * *"), template=JobRequest(task, {}))
        world.app.schedules.put(tenant, "s", wanted)
    world.clock.advance(150)

    def is_bad(self: Any, _: Any) -> bool:
        return bool(self.name == "picky")

    with raising("whendue.declarations.registry.TaskDefinition.parse", BUILT_IN[name], is_bad):
        world.tick()
    world.clock.advance(60)
    world.work()
    assert len(world.ran) >= 2
    schedule = world.app.schedules.get(BAD, "s")
    assert schedule.last_error is not None
    page = world.app.fire_history.page(BAD, "s", FireFilter(), 10, None)
    assert {view.fire.outcome.value for view in page.fires if view.fire.reason} >= {"skipped"}


# --- visible, bounded, and to be mended --------------------------------------------------------------------------


def broken(world: World, tenant: str, name: str, **fields: Any) -> None:
    """Break a schedule as it is stored."""
    world.table.rows[schedule_key(tenant, name)] |= fields


BROKEN: dict[str, dict[str, Any]] = {
    "a definition that is no JSON": {"definition": "{"},
    "a definition of other things": {"definition": "[]"},
    "a recurrence that is refused by now": {},
    "a version that is no number": {"version": "x"},
    "a cursor that is no number": {"cursor": "x"},
    "a state that is none": {"state": "odd"},
    "a plan of no end": {"as_of": "now"},
}


@pytest.mark.parametrize("kind", BROKEN)
@pytest.mark.parametrize("deed", ["put", "delete", "pause", "resume", "get", "list"])
def test_a_broken_schedule_can_be_seen_mended_and_removed(kind: str, deed: str) -> None:
    """Whatever an older version, or somebody's hand, has stored."""
    world = World()
    app = world.app
    for name in ("s", "whole"):
        app.schedules.put(TENANT, name, definition("0 * * * * *"))
    text = world.table.rows[schedule_key(TENANT, "s")]["definition"]
    broken(world, TENANT, "s", **(BROKEN[kind] or {"definition": text.replace("0 * * * * *", "0 0 4-99 * * *")}))
    world.clock.advance(61)
    world.tick()
    stored = world.table.rows[schedule_key(TENANT, "s")]
    assert stored["last_error"], "the timer says why"
    if deed == "put":
        app.schedules.put(TENANT, "s", definition("0 * * * * *"))
        world.pass_time(200)
        assert app.schedules.get(TENANT, "s").last_error is None
        assert any(job for job in world.ran)
    if deed == "delete":
        app.schedules.delete(TENANT, "s")
        world.pass_time(400)
        assert world.table.get([schedule_key(TENANT, "s")]) == [None]
    if deed == "pause":
        app.schedules.pause(TENANT, "s", "me", "why")
        assert world.table.rows[schedule_key(TENANT, "s")]["state"] == "paused"
    if deed == "resume":
        app.schedules.pause(TENANT, "s", "me", "why")
        app.schedules.resume(TENANT, "s")
        assert world.table.rows[schedule_key(TENANT, "s")]["state"] == "active"
    if deed == "get":
        assert app.schedules.get(TENANT, "s").last_error
    if deed == "list":
        assert [schedule.name for schedule in app.schedules.list(TENANT, 10, None).schedules] == ["s", "whole"]


def test_many_broken_schedules_of_one_tenant_hold_up_nobody() -> None:
    """They are read once, then at growing intervals; those of others are served first in turn."""
    world = World()
    for number in range(60):
        world.app.schedules.put(BAD, f"s{number}", definition("0 * * * * *"))
        broken(world, BAD, f"s{number}", definition="{")
    world.app.schedules.put(GOOD, "s", definition("0 * * * * *"))
    world.clock.advance(61)
    pages: list[int] = []
    real = ScheduleRunner._serve

    def serve(self: ScheduleRunner, page: Any) -> Any:
        pages.append(len(page))
        if any(entry.tenant == GOOD for entry in page):
            served_in.append(len(pages))
        return real(self, page)

    served_in: list[int] = []
    with patch.object(ScheduleRunner, "_serve", serve):
        world.tick()
        assert served_in == [1], "the first page"
        assert sum(pages) == 61
        pages.clear()
        world.clock.advance(59)
        world.tick()
        assert sum(pages) == 1, "those that are broken are left for a minute"
    assert len([1 for key in world.table.items() if key.pk == f"SCHEDULE#{GOOD}#s"]) >= 2


def test_what_is_broken_is_looked_at_again_at_growing_intervals() -> None:
    """A minute, two, four, ... up to a quarter of an hour; once mended it fires."""
    world = World()
    world.app.schedules.put(TENANT, "s", definition("0 * * * * *"))
    text = world.table.rows[schedule_key(TENANT, "s")]["definition"]
    broken(world, TENANT, "s", definition="{")
    intervals = []
    for _ in range(7):
        item = world.table.rows[schedule_key(TENANT, "s")]
        world.clock.advance(max(0, item["check_at"] - world.clock.now_ms()) / 1000)
        world.tick()
        intervals.append((world.table.rows[schedule_key(TENANT, "s")]["check_at"] - world.clock.now_ms()) // 1000)
    assert intervals == [60, 120, 240, 480, 900, 900, 900]
    broken(world, TENANT, "s", definition=text)
    world.clock.advance(900)
    world.tick()
    world.work()
    assert world.ran
    assert "last_error" not in world.table.rows[schedule_key(TENANT, "s")]


def test_an_unreadable_job_is_passed_and_not_lost() -> None:
    """The cursor goes on behind it, each tick says so, and once it can be read it runs."""
    world = World()
    jobs = [world.submit(delay_s=200) for _ in range(9)]
    item = world.table.rows[jobs[4].key]
    world.table.rows[jobs[4].key] = item | {"policy": "odd"}
    world.clock.advance(201)
    world.tick()
    world.work()
    assert {job.id for job in jobs} - {job_id for job_id, _, _ in world.ran} == {jobs[4].id}
    world.app.bulkhead.take()
    for _ in range(4):
        world.clock.advance(60)
        world.tick()
    assert world.app.bulkhead.take()["isolated"][0]["item"] == jobs[4].id
    world.table.rows[jobs[4].key] = item
    world.pass_time(300)
    assert len(world.ran) == 9


def test_a_job_of_which_no_message_can_be_made_ends_with_its_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither sent for ever nor in anybody's way."""
    world = World()
    odd, good = world.submit(delay_s=200), world.submit(delay_s=200)

    def body(job: Job) -> str:
        if job.id == odd.id:
            raise ValueError("no message can be made of it")
        return to_body(job)

    for module in ("engine.apply", "timer.rescue"):
        monkeypatch.setattr(f"whendue.{module}.to_body", body)
    world.pass_time(700)
    assert world.job(good).state is State.SUCCEEDED
    stored = world.table.rows[odd.key]
    assert (stored["state"], stored["last"]["type"]) == ("dead", "unsendable")


def test_a_cursor_that_cannot_be_read_begins_anew() -> None:
    """Its partition is gone through again, and the cursor is written again."""
    world = World()
    world.submit(delay_s=200)
    world.clock.advance(201)
    world.tick()
    world.work()
    keys = [key for key in world.table.items() if key.pk.startswith("CURSORS#")]
    assert keys
    for key in keys:
        odd = {f"at_{shard}": 5 for shard in range(world.app.settings.shards)}
        world.table.rows[key] = {"pk": key.pk, "sk": key.sk, **odd}
    job = world.submit(delay_s=200)
    world.clock.advance(201)
    world.tick()
    world.work()
    assert len(world.runs(job)) == 1
