"""Profiles as services see them: what they cost, how soon an edit is live, and what faults do to them."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from tests.builders.faults import Counted, KilledError, Refusing
from tests.builders.world import TENANT, World
from whendue.aws_quotas import WRITE_UNIT_BYTES
from whendue.bootstrap.application import App
from whendue.engine.ports import Item, WriteResult, WriteStatus
from whendue.errors import PreconditionFailedError, ProfileNotFoundError, UnavailableError, UnknownProfileError
from whendue.jobs.model import State, item_bytes
from whendue.profiles.model import Profile
from whendue.quotas import NEVER_RETRY_BYTES
from whendue.submission.request import JobRequest
from whendue.submission.submit import Submitted
from whendue.table.keys import Key
from whendue.table.preconditions import Precondition
from whendue.table.writes import Write

ANY = Precondition()
QUICK: dict[str, Any] = {"base_s": 1, "jitter": "none"}


def put(app: App, expected: Precondition = ANY, name: str = "mine", follow: bool = False, **policy: Any) -> Profile:
    return app.profile_editor.put(TENANT, Profile(name, policy, follow=follow), expected).profile


def submitted(app: App, profile: str = "mine", **wanted: Any) -> int | None:
    """Submit a job; return the version it was accepted under."""
    return app.submit.one(TENANT, JobRequest("ok", {}, profile=profile, **wanted)).job.profile_version


def test_a_profile_of_ones_own_costs_one_read_in_five_seconds_and_a_built_in_one_none() -> None:
    """The price of a submit: what is asked for again and again is known."""
    world, calls = World(), list[str]()
    put(world.app)
    app = world.build(Counted(world.table, calls), Counted(world.queues, calls))
    for name in ("default", "once", "patient"):
        submitted(app, name, delay_s=3600)
    assert calls == ["apply"] * 3
    for _ in range(3):
        submitted(app, delay_s=3600)
    world.clock.advance(5)
    submitted(app, delay_s=3600)
    assert calls[3:] == ["get", "apply", "apply", "apply", "get", "apply"]


def test_many_jobs_of_a_profile_cost_one_read_also_if_there_is_none() -> None:
    """A bulk must not read five hundred times that a name is misspelt."""
    world, calls = World(), list[str]()
    put(world.app)
    app = world.build(Counted(world.table, calls))
    results = app.submit.many(TENANT, [JobRequest("ok", {}, profile=name) for name in ["mine", "mien"] * 100])
    assert calls.count("get") == 2
    assert [type(end) for end in results] == [Submitted, UnknownProfileError] * 100


def test_an_edit_is_three_calls_and_two_writes() -> None:
    """Read what is current, add the version, move on; a new name also counts what names there are."""
    world, calls = World(), list[str]()
    app = world.build(Counted(world.table, calls))
    put(app, max_attempts=1)
    assert calls == ["get", "query", "apply", "apply"]
    put(app, max_attempts=2)
    assert calls[4:] == ["get", "apply", "apply"]
    assert max(map(item_bytes, world.table.items().values())) < WRITE_UNIT_BYTES


def test_an_edit_is_live_within_five_seconds_elsewhere_and_at_once_here() -> None:
    """No redeploy, no restart; half of the ten seconds that are promised."""
    world = World()
    here, elsewhere = world.build(), world.build()
    put(here, max_attempts=1)
    assert [submitted(here), submitted(elsewhere)] == [1, 1]
    put(here, max_attempts=2)
    assert submitted(here) == 2
    world.clock.advance(5)
    assert submitted(elsewhere) == 2
    here.profile_editor.delete(TENANT, "mine", ANY)
    world.clock.advance(5)
    for app in (here, elsewhere):
        with pytest.raises(UnknownProfileError):
            submitted(app)


def test_a_profile_that_was_just_made_works_at_once_everywhere() -> None:
    """That there was none a moment ago is not remembered."""
    world = World()
    here, elsewhere = world.build(), world.build()
    for app in (here, elsewhere):
        with pytest.raises(UnknownProfileError):
            submitted(app)
    put(here)
    assert [submitted(here), submitted(elsewhere)] == [1, 1]


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
def test_an_edit_killed_at_any_call_can_be_repeated_and_leaves_no_gap(after: bool) -> None:
    """Whatever was written is a version in its order; none is lost, none changes, and the last one is current."""
    deaths = 0
    while True:
        world, calls = World(), list[str]()
        put(world.app, max_attempts=1)
        app = world.build(Counted(world.table, calls, deaths, after=after))
        try:
            put(app, max_attempts=2)
        except KilledError:
            deaths += 1
        else:
            break
        seen = world.table.items()
        put(world.app, max_attempts=3)
        last = put(world.app, max_attempts=2)
        items = world.table.items()
        assert world.app.profile_editor.read(TENANT, "mine") == last
        said = [
            world.app.profile_editor.version(TENANT, "mine", number).policy["max_attempts"]
            for number in range(1, (last.version or 0) + 1)
        ]
        assert said in ([1, 3, 2], [1, 2, 3, 2])
        for key, item in seen.items():
            if key.sk.startswith("v#"):
                assert items[key] == item
    assert deaths == 3


def test_a_version_whose_writer_died_counts_before_the_next_ones_lock() -> None:
    """It was decided when it was written: a lock on the version before it has lost."""
    world, calls = World(), list[str]()
    put(world.app, max_attempts=1)
    with pytest.raises(KilledError):
        put(world.build(Counted(world.table, calls, 1, after=True)), max_attempts=2)
    assert world.app.profile_editor.read(TENANT, "mine").version == 1
    with pytest.raises(PreconditionFailedError):
        put(world.app, Precondition(one_of=frozenset({1})), max_attempts=3)
    assert put(world.app, Precondition(one_of=frozenset({2})), max_attempts=3).version == 3


@pytest.mark.parametrize("number", [0, 1])
def test_an_edit_that_the_table_does_not_take_is_an_error(number: int) -> None:
    """Nobody is told that it was done."""
    world = World()
    put(world.app, max_attempts=1)
    refused = iter([number == 0, number == 1])
    real = world.table.apply
    deaf = Refusing(
        world.table, "apply", lambda writes: [WriteResult(WriteStatus.UNAVAILABLE)] if next(refused) else real(writes)
    )
    with pytest.raises(UnavailableError):
        put(world.build(store=deaf), max_attempts=2)
    assert put(world.app, max_attempts=2).version == 2


@pytest.mark.parametrize("locked", [True, False])
def test_of_many_who_edit_at_once_one_holds_the_lock_or_all_are_kept(locked: bool) -> None:
    """Optimistic locking; and without it the last writer wins, but no version is lost or used twice."""
    world = World()
    first = put(world.app, max_attempts=50)
    expected = Precondition(one_of=frozenset({first.version or 0})) if locked else ANY
    results: list[Any] = []

    def edit(number: int) -> None:
        try:
            results.append(put(world.build(), expected, max_attempts=number))
        except (PreconditionFailedError, UnavailableError) as error:
            results.append(error)

    threads = [threading.Thread(target=edit, args=(number,)) for number in range(1, 17)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    won = [end for end in results if isinstance(end, Profile)]
    assert len(results) == 16
    assert len({profile.version for profile in won}) == len(won) >= 1
    if locked:
        assert len(won) == 1
    for profile in won:
        assert world.app.profile_editor.version(TENANT, "mine", profile.version or 0) == profile


def test_a_profile_that_always_changes_under_us_is_unavailable() -> None:
    """Better a clear answer than a loop without an end."""
    world = World()
    put(world.app, max_attempts=1)
    [old] = [item for key, item in world.table.items().items() if key.sk == "v#000001"]
    busy = Refusing(world.table, "apply", lambda writes: [WriteResult(WriteStatus.REFUSED, old)])
    app = world.build(store=busy)
    with pytest.raises(UnavailableError):
        put(app, max_attempts=2)
    with pytest.raises(UnavailableError):
        app.profile_editor.delete(TENANT, "mine", ANY)


def a_follower(world: World, **wanted: Any) -> Callable[[], tuple[int | None, int]]:
    """Submit a failing job that follows; return what shows its version and attempts allowed."""
    world.app.submit.one(TENANT, JobRequest("bad", {}, profile="mine", follow=True, idempotency_key="f", **wanted))
    [key] = [key for key in world.table.items() if key.sk == "job"]

    def shown() -> tuple[int | None, int]:
        item = world.table.items()[key]
        return item.get("profile_version"), item["policy"]["max_attempts"]

    return shown


def test_a_worker_that_cannot_read_goes_on_with_what_it_knew() -> None:
    """Where it knows nothing it claims nothing, for there may be limits; the newest version comes later."""
    world = World()
    put(world.app, max_attempts=9, **QUICK)
    shown = a_follower(world)
    put(world.app, max_attempts=8, **QUICK)

    def gone(keys: Sequence[Key]) -> list[Item | None]:
        if any(key.pk.startswith("PROFILE#") for key in keys):
            raise UnavailableError
        return world.table.get(keys)

    deaf = Refusing(world.table, "get", gone)
    app = world.build(store=deaf)
    world.work(app)
    assert (shown(), len(world.ran)) == ((1, 9), 0), "it knew nothing but the message"
    deaf.on = False
    world.clock.advance(400)
    world.work(app)
    assert shown() == (2, 8)
    put(world.app, max_attempts=7, **QUICK)
    deaf.on = True
    world.clock.advance(30)
    world.work(app)
    assert shown() == (2, 8), "what it read half a minute ago will do"


def test_a_follower_of_a_deleted_profile_keeps_what_it_has() -> None:
    """And one that was made again under the same name is followed: its versions count on."""
    world = World()
    put(world.app, max_attempts=9, **QUICK)
    shown = a_follower(world)
    world.app.profile_editor.delete(TENANT, "mine", ANY)
    world.work()
    assert shown() == (1, 9)
    put(world.app, max_attempts=8, **QUICK)
    world.clock.advance(30)
    world.work()
    assert shown() == (3, 8)


def test_a_follower_whose_task_is_not_known_here_is_dead_not_a_crash() -> None:
    """A deploy that is rolled back takes tasks away."""
    world = World()
    put(world.app, max_attempts=1)
    job = world.app.submit.one(TENANT, JobRequest("bad", {}, profile="mine", follow=True)).job
    put(world.app, max_attempts=2)
    world.registry.remove("bad")
    world.work()
    assert world.job(job).state is State.DEAD
    assert world.job(job).last is not None


def test_jobs_of_built_in_profiles_cost_a_worker_no_read() -> None:
    """Others cost one, of their profile's limits and policy, each 5 s at most."""
    world, calls = World(), list[str]()
    put(world.app, follow=True)
    for follow in (None, False, True):
        world.app.submit.one(TENANT, JobRequest("ok", {}, follow=follow))
    world.work(world.build(Counted(world.table, calls)))
    assert calls == ["get", "apply", "query", "apply"], "what is paused is asked for, and who is to be notified"
    for _ in range(3):
        world.app.submit.one(TENANT, JobRequest("ok", {}, profile="mine"))
    world.work(world.build(Counted(world.table, calls)))
    assert calls[4:] == ["get", "get", "apply", "query", "apply"], "three jobs of one profile: one read more"


@pytest.mark.parametrize("size", [0, 100, 300, 390, 500])
def test_a_job_under_a_profile_stays_within_one_write_unit_all_its_life(size: int) -> None:
    """Where the policy takes more room, the payload moves out earlier."""
    world = World()
    types = tuple(f"Error{number:02d}xxxxxxxx" for number in range(NEVER_RETRY_BYTES // 16))
    put(world.app, follow=True, max_attempts=9, never_retry=types, **QUICK)
    job = world.submit("ok", {"text": "x" * size}, profile="mine", policy={"timeout_s": 99})
    hot = [item_bytes(world.table.items()[job.key])]
    world.work()
    hot.append(item_bytes(world.table.items()[job.key]))
    assert world.job(job).state is State.SUCCEEDED
    assert max(hot) <= WRITE_UNIT_BYTES


def test_where_the_policy_comes_from_costs_a_usual_job_nothing_and_any_job_little() -> None:
    """The hot item holds a letter for each field, and only where one is not a default."""
    world = World()
    plain, asked = world.submit("ok"), world.submit("ok", policy={"max_attempts": 4})
    assert (plain.sources, asked.sources) == (None, "rdddddddd")
    sizes = [item_bytes(world.table.items()[job.key]) for job in (plain, asked)]
    assert sizes[1] - sizes[0] == len("sources") + len("rdddddddd")


def test_the_last_hundred_versions_are_kept() -> None:
    """Each edit left an item for ever. What a job was accepted under goes on: it has its policy itself."""
    world = World()
    job = None
    for number in range(250):
        world.clock.advance(120)
        put(world.app, base_s=1 + number)
        job = job or world.submit(profile="mine", delay_s=86_400)
    versions = [key.sk for key in world.table.items() if key.pk == f"PROFILE#{TENANT}#mine"]
    assert sorted(versions) == [f"v#{version:06d}" for version in range(151, 251)]
    assert world.app.profile_editor.version(TENANT, "mine", 151).policy == {"base_s": 151}
    with pytest.raises(ProfileNotFoundError):
        world.app.profile_editor.version(TENANT, "mine", 150)
    assert job
    assert world.job(job).policy.base_s == 1


def test_versions_of_the_last_hour_are_kept_and_go_later() -> None:
    """Who has read one of them and is still at its edit would make its number a second time."""
    world = World()
    for number in range(130):
        put(world.app, base_s=1 + number)
    assert world.app.profile_editor.version(TENANT, "mine", 1).policy == {"base_s": 1}
    world.clock.advance(3601)
    for number in range(2):
        put(world.app, base_s=500 + number)
    versions = [key.sk for key in world.table.items() if key.pk == f"PROFILE#{TENANT}#mine"]
    assert sorted(versions) == [f"v#{version:06d}" for version in range(33, 133)]


def test_an_edit_that_is_slow_to_become_current_does_not_replace_a_later_one() -> None:
    """Another editor has made its version current already, and added the next one."""
    world = World()
    put(world.app, max_attempts=1)
    real = world.table.apply

    def apply(writes: Sequence[Write]) -> list[WriteResult]:
        if slow.on and writes[0].name == "profile":
            slow.on = False
            put(world.app, max_attempts=3)
        return real(writes)

    slow = Refusing(world.table, "apply", apply)
    assert put(world.build(store=slow), max_attempts=2).version == 2
    current = world.app.profile_editor.read(TENANT, "mine")
    assert (current.version, current.policy) == (3, {"max_attempts": 3})
