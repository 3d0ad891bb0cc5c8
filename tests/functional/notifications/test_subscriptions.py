"""A subscription's health: what a notifier found out never undoes what a user has said since."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from http.server import BaseHTTPRequestHandler

import pytest

from tests.builders.faults import Refusing
from tests.builders.notified import Notified
from tests.builders.samples import NOW
from tests.builders.web import Web
from tests.builders.world import TENANT
from whendue.declarations.channel import Attempt, ChannelConfig, Event
from whendue.declarations.registry import channel
from whendue.declarations.resources import Resources
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import PreconditionFailedError, UnavailableError
from whendue.jobs.model import State
from whendue.notifications.subscription import Terms, disable, failed_for_long, note_failure, note_success
from whendue.notifications.subscriptions import Subscriptions
from whendue.outbound.signing import Kind
from whendue.quotas import FAILING_S, KEY_GRACE_S
from whendue.table.preconditions import Precondition
from whendue.table.writes import Write

MINE = {"url": "https://hooks.example.com/mine"}
Meanwhile = Callable[[Notified], object]
USERS: dict[str, Meanwhile] = {
    "a change": lambda world: world.subscribe(url="https://elsewhere.example/"),
    "a rotation": lambda world: world.app.subscriptions.rotate(TENANT, "hook"),
    "a deletion": lambda world: world.app.subscriptions.delete(TENANT, "hook"),
}


@pytest.mark.parametrize("meanwhile", USERS)
@pytest.mark.parametrize("status", [410, 500])
def test_what_a_slow_notifier_found_is_not_held_against_what_a_user_has_changed(
    web: Web, world: Notified, meanwhile: str, status: int
) -> None:
    """It was about another URL or key, or about nothing that is still there."""
    world.subscribe(url=web.url())

    def reply(handler: BaseHTTPRequestHandler) -> None:
        USERS[meanwhile](world)
        handler.send_error(status)

    web.reply = reply
    delivery = world.notify_one()
    world.work()
    assert world.job(delivery).state is (State.DEAD if status == 410 else State.PENDING)
    left = world.app.subscriptions.every(TENANT)
    assert [(item.active, item.failing_since) for item in left] == [(True, None)] * len(left)


def test_a_notifiers_write_leaves_the_version_as_it_is(web: Web, world: Notified) -> None:
    """A failing receiver does not make its owner's If-Match fail."""
    before = world.subscribe(url=web.url())
    web.answers(500)
    world.notify()
    world.work()
    after = world.health()
    assert after.failing_since is not None
    assert after.version == before.version


def test_it_is_noted_once_since_when_it_fails(web: Web, world: Notified) -> None:
    """The first failure counts, until one is delivered; who read before that one does not take its note away."""
    hook = world.subscribe(url=web.url())
    first, second = note_failure(hook, 1_000), note_failure(hook, 2_000)
    assert [end.done for end in world.table.apply([first])] == [True]
    assert [end.done for end in world.table.apply([second])] == [False]
    failing = world.health()
    assert failing.failing_since == 1_000
    assert world.table.apply([note_success(failing)])[0].done
    assert world.table.apply([note_failure(hook, 3_000)])[0].done
    assert not world.table.apply([note_success(failing)])[0].done
    assert world.health().failing_since == 3_000


def test_a_rotation_after_the_grace_of_the_one_before_has_a_grace_of_its_own(world: Notified) -> None:
    """Meanwhile the key in between would be lost, and receivers have that one by then."""
    world.subscribe(url="https://hooks.example.com/")
    second = world.app.subscriptions.rotate(TENANT, "hook")
    world.clock.advance(KEY_GRACE_S - 60)
    third = world.app.subscriptions.rotate(TENANT, "hook")
    assert third.old_key == second.old_key
    world.clock.advance(60 + 1)
    fourth = world.app.subscriptions.rotate(TENANT, "hook")
    assert fourth.keys(world.clock.now_ms()) == (fourth.key, third.key)


class MaySign(ChannelConfig):
    """A channel of somebody's own, that signs if it is asked to."""

    sign: bool

    @property
    def signed(self) -> Kind | None:
        return "v1" if self.sign else None


def test_a_key_that_is_taken_away_is_no_new_key(world: Notified) -> None:
    """There is nothing to show; the old one signs for its grace."""

    def deliver(event: Event, config: MaySign, attempt: Attempt) -> None:
        """Send nothing."""

    channel("own", registry=world.registry)(deliver)
    terms = Terms("own", "", ("dead",))
    puts = [world.app.subscriptions.put(TENANT, "hook", terms, {"sign": sign}) for sign in (True, True, False)]
    assert [put.new_key for put in puts] == [True, False, False]
    assert world.health().keys(world.clock.now_ms()) == (puts[0].subscription.key,)


def test_a_success_from_before_a_rotation_does_not_speak_for_the_new_key(world: Notified, web: Web) -> None:
    """Receivers may not verify it yet."""
    hook = world.subscribe(url=web.url())
    assert world.table.apply([note_failure(hook, 1_000)])[0].done
    failing = world.health()
    world.app.subscriptions.rotate(TENANT, "hook")
    assert not world.table.apply([note_success(failing)])[0].done
    assert world.health().failing_since == 1_000


def test_who_does_not_fail_has_not_failed_for_long(world: Notified) -> None:
    """However long ago it was made; a day to the millisecond is not over yet."""
    hook = world.subscribe(url="https://hooks.example.com/")
    day_ms = FAILING_S * 1000
    assert not failed_for_long(hook, NOW + 2 * day_ms)
    assert [failed_for_long(replace(hook, failing_since=NOW), NOW + day_ms + late) for late in (0, 1)] == [False, True]


def test_who_said_what_they_change_does_not_undo_what_another_user_has_changed_meanwhile(world: Notified) -> None:
    """Between the read and the write."""
    hook = world.subscribe(url="https://hooks.example.com/")
    with pytest.raises(PreconditionFailedError):
        overtaken(world).put(TENANT, "hook", hook.terms, MINE, Precondition(frozenset({hook.version})))
    assert "theirs" in world.health().terms.config


def test_without_an_if_match_the_last_change_wins_whole(world: Notified) -> None:
    """It is decided again on what is there: two changes are two versions."""
    hook = world.subscribe(url="https://hooks.example.com/")
    mine = overtaken(world).put(TENANT, "hook", hook.terms, MINE).subscription
    assert mine == world.health()
    assert "mine" in mine.terms.config
    assert mine.version > hook.version + 1


def overtaken(world: Notified) -> Subscriptions:
    """Return a user's process that another user's change overtakes between its read and its write."""

    def late(writes: Sequence[Write]) -> list[WriteResult]:
        store.on = False
        world.subscribe(url="https://hooks.example.com/theirs")
        world.clock.advance(1)
        return world.table.apply(writes)

    store = Refusing(world.table, "apply", late)
    return world.build(store=store).subscriptions


def test_a_reason_is_not_overwritten_by_a_later_one(world: Notified, web: Web) -> None:
    """Two notifiers may find it out at once."""
    hook = world.subscribe(url=web.url())
    assert world.table.apply([disable(hook, "first", 1_000)])[0].done
    assert not world.table.apply([disable(hook, "second", 2_000)])[0].done
    assert world.health().disabled_reason == "first"


def test_another_url_is_given_a_day_of_its_own(web: Web, world: Notified) -> None:
    """That the old one failed says nothing about it; other terms do not clear it."""
    world.subscribe(url=web.url("/old"))
    web.answers(500)
    delivery = world.notify_one()
    world.work()
    world.subscribe(url=web.url("/new"))
    assert world.health().failing_since is None
    world.clock.advance(FAILING_S + 1)
    world.again(delivery)
    assert world.health().active


def test_a_receiver_that_fails_after_a_quiet_day_is_disabled_by_the_first_failure_then(
    web: Web, world: Notified
) -> None:
    """Nothing has been delivered since it began."""
    hook = world.subscribe(url=web.url())
    world.table.apply([note_failure(hook, world.clock.now_ms() - FAILING_S * 1000 - 1)])
    web.answers(500)
    world.notify()
    world.work()
    assert not world.health().active


def test_an_edit_does_not_enable_what_was_disabled_meanwhile(web: Web, world: Notified) -> None:
    """Only `enable` does."""
    hook = world.subscribe(url=web.url())
    world.table.apply([disable(hook, "why", 1_000)])
    world.subscribe(url=web.url("/new"))
    assert world.health().disabled_reason == "why"


@pytest.mark.parametrize("status", [200, 500, 410])
def test_where_the_table_does_not_answer_the_attempt_ends_as_it_did(
    provided: Resources, web: Web, world: Notified, status: int
) -> None:
    """Health is noted by the next attempt; what the receiver answered is what counts."""
    hook = world.subscribe(url=web.url())
    world.table.apply([note_failure(hook, 1_000)])
    health = {"note_failure", "note_success", "disable"}

    def refusing(writes: list[object]) -> list[WriteResult]:
        if any(getattr(write, "name", "") in health for write in writes):
            return [WriteResult(WriteStatus.UNAVAILABLE)] * len(writes)
        return world.table.apply(writes)  # type: ignore[arg-type]

    app = world.build(store=Refusing(world.table, "apply", refusing))
    provided.provide("notify", lambda: app.notify)
    web.answers(status)
    delivery = world.notify_one()
    world.work(app)
    states = {200: State.SUCCEEDED, 500: State.PENDING, 410: State.DEAD}
    assert world.job(delivery).state is states[status]
    assert world.health().active


def test_a_subscription_that_cannot_be_read_costs_an_attempt_and_nothing_else(
    provided: Resources, web: Web, world: Notified
) -> None:
    """Nothing is sent with keys of yesterday."""
    world.subscribe(url=web.url())
    delivery = world.notify_one()

    def refused(keys: list[object]) -> object:
        if any(str(key).startswith("Key(pk='SUBSCRIPTIONS") for key in keys):
            raise UnavailableError
        return world.table.get(keys)  # type: ignore[arg-type]

    app = world.build(store=Refusing(world.table, "get", refused))
    provided.provide("notify", lambda: app.notify)
    world.work(app)
    after = world.job(delivery)
    assert (after.state, after.last and after.last.type, web.seen) == (State.PENDING, "unavailable", [])
    assert world.health().failing_since is None
