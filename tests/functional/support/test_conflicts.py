"""Edits that lose to others' edits, time after time: each is tried a bounded number of times and then says so."""

from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple

import pytest

from tests.builders.faults import Refusing
from tests.builders.notified import Notified
from tests.builders.schedules import definition
from tests.builders.world import TENANT
from whendue.bootstrap.application import App
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.errors import StateConflictError, UnavailableError, UnstorableError, WhendueError
from whendue.notifications.subscription import Terms
from whendue.profiles.model import Profile
from whendue.quotas import CONFLICT_TRIES, SCHEDULE_TRIES
from whendue.table.preconditions import Precondition
from whendue.table.writes import Write

ANY: Final = Precondition()
LATE_S: Final = 3600


class Edit(NamedTuple):
    """An edit, and another one of the same item.

    Args:
        writes: the name of the write that decides.
        mine: the edit.
        theirs: the other, which differs by a number each time.
        tries: how often the edit is tried.
        error: what it ends with.
    """

    writes: str
    mine: Callable[[App, str], Any]
    theirs: Callable[[App, str, int], Any]
    tries: int = CONFLICT_TRIES
    error: type[WhendueError] = StateConflictError


def pause(app: App, _: str, number: int) -> None:
    app.pauses.pause_queue("normal", f"reason {number}", "ops", None)


def subscribe(app: App, _: str, number: int) -> None:
    terms = Terms("webhook", "", ("dead",))
    app.subscriptions.put(TENANT, "hook", terms, {"url": f"https://hooks.example.com/{number}"})


def profile(app: App, _: str, number: int) -> None:
    app.profile_editor.put(TENANT, Profile("mine", {"max_attempts": number}), ANY)


def schedule(app: App, _: str, number: int) -> None:
    app.schedules.put(TENANT, "s", definition(f"0 0 {number} 1 *"))


def reschedule(app: App, job_id: str, number: int) -> None:
    app.control.reschedule(TENANT, job_id, app.clock.now_ms() + (LATE_S + number) * 1000, None)


EDITS: Final = {
    "pause": Edit("pause", lambda app, _: pause(app, "", 50), pause),
    "resume": Edit("resume", lambda app, _: app.pauses.resume_queue("normal"), pause),
    "put a subscription": Edit("change_subscription", lambda app, _: subscribe(app, "", 50), subscribe),
    "rotate a key": Edit("change_subscription", lambda app, _: app.subscriptions.rotate(TENANT, "hook"), subscribe),
    "delete a subscription": Edit("unsubscribe", lambda app, _: app.subscriptions.delete(TENANT, "hook"), subscribe),
    "put a profile": Edit("profile_version", lambda app, _: profile(app, "", 50), profile, error=UnavailableError),
    "delete a profile": Edit(
        "profile_version",
        lambda app, _: app.profile_editor.delete(TENANT, "mine", ANY),
        profile,
        error=UnavailableError,
    ),
    "put a schedule": Edit("change_schedule", lambda app, _: schedule(app, "", 31), schedule, SCHEDULE_TRIES),
    "delete a schedule": Edit(
        "change_schedule", lambda app, _: app.schedules.delete(TENANT, "s"), schedule, SCHEDULE_TRIES
    ),
    "cancel a job": Edit("cancel", lambda app, job_id: app.control.cancel(TENANT, job_id), reschedule),
}


class Contended:
    """A world in which something happens before each write that decides an edit."""

    def __init__(self, world: Notified, edit: Edit) -> None:
        self._edit = edit
        self.world = world
        self.job_id = self.world.submit(delay_s=LATE_S).id
        for theirs in (pause, subscribe, profile, schedule):
            theirs(self.world.app, "", 1)
        self.met = 0

    def run(self, before: Callable[[int], list[WriteResult] | None]) -> object:
        """Make the edit; `before` is called with the number of the write, and may answer in place of the table."""

        def apply(writes: Sequence[Write]) -> list[WriteResult]:
            answer = None
            if any(write.name == self._edit.writes for write in writes):
                self.met += 1
                answer = before(self.met)
            return self.world.table.apply(writes) if answer is None else answer

        return self._edit.mine(self.world.build(store=Refusing(self.world.table, "apply", apply)), self.job_id)

    def lose(self, number: int) -> None:
        """Let somebody else be first."""
        self.world.clock.advance(0.001)
        self._edit.theirs(self.world.app, self.job_id, 1 + number)


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_that_always_comes_second_ends_and_says_that_the_item_keeps_changing(
    world: Notified, name: str
) -> None:
    """Not for ever: a request has a deadline."""
    edit = EDITS[name]
    contended = Contended(world, edit)
    with pytest.raises(edit.error, match="keeps changing; try again"):
        contended.run(contended.lose)
    assert contended.met == edit.tries


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_that_comes_first_the_last_time_is_made(world: Notified, name: str) -> None:
    """Every earlier try is made good by the next one."""
    edit = EDITS[name]
    contended = Contended(world, edit)
    contended.run(lambda number: contended.lose(number) if number < edit.tries else None)
    assert contended.met == edit.tries


@pytest.mark.parametrize(
    ("status", "error"), [(WriteStatus.UNAVAILABLE, UnavailableError), (WriteStatus.INVALID, UnstorableError)]
)
@pytest.mark.parametrize("name", EDITS)
def test_a_write_of_which_nobody_knows_or_that_cannot_be_is_not_tried_again(
    world: Notified, name: str, status: WriteStatus, error: type[WhendueError]
) -> None:
    """It may have been done: whoever sends the request again finds out."""
    contended = Contended(world, EDITS[name])
    with pytest.raises(error):
        contended.run(lambda _: [WriteResult(status)])
    assert contended.met == 1
