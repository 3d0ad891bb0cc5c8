"""A world with channels: its clock is the real one, ahead by what tests wait out, so that real sockets time out."""

from typing import Any

import pytest

from tests.builders.faults import Counted, KilledError
from tests.builders.world import TENANT, World
from whendue.bootstrap.application import App
from whendue.declarations import resources
from whendue.declarations.channel import ChannelConfig
from whendue.declarations.registry import DELIVERIES, TASKS, Registry, discover
from whendue.declarations.resources import Resources, TaskSettings
from whendue.engine.commit import commit
from whendue.jobs.model import Job
from whendue.notifications.events import NotificationEvent
from whendue.notifications.subscription import Subscription, Terms
from whendue.operations.reader import JobView
from whendue.outbound.ssrf import Allowed
from whendue.settings import NOTIFICATIONS
from whendue.support.clock import ManualClock, system_clock

RECIPIENTS = {"acme": ("ops@example.com", "acme.example")}
TOPICS = {"acme": ("arn:aws:sns:*:*:acme-*",)}
EVERYTHING = ("succeeded", "dead", "cancelled", "expired", "attempt_failed", "schedule_missed", "queue_paused")
EVENT = NotificationEvent("succeeded", "0190 1", 1_800_000_000_000, {"jobId": "0190", "type": "ok"}, "ok", "normal")


def fresh_resources(monkeypatch: pytest.MonkeyPatch) -> Resources:
    """Put fresh resources behind `whendue.declarations.resources.resource`; the operator allows loopback."""
    fresh = Resources()
    settings = TaskSettings(
        Allowed.parse("127.0.0.0/8"), "from@example.com", email_recipients=RECIPIENTS, sns_allow=TOPICS
    )
    fresh.provide("settings", lambda: settings)
    monkeypatch.setattr(resources.RESOURCES, "_factories", fresh._factories)
    monkeypatch.setattr(resources.RESOURCES, "_made", fresh._made)
    return resources.RESOURCES


def shipped_channels() -> list[str]:
    """Discover the channels that whendue has itself, and name all that are declared."""
    discover("whendue.channels")
    return [name.removeprefix(DELIVERIES) for name in TASKS.all_names() if name.startswith(DELIVERIES)]


def add_shipped_channels(registry: Registry) -> None:
    """Let a registry have the channels that are declared."""
    for name in shipped_channels():
        registry.add_channel(TASKS.channel(name))


class AheadClock(ManualClock):
    """The real clock, and ahead of it by what was waited out."""

    def now_ms(self) -> int:
        return system_clock().now_ms() + self._now_ms - self.start_ms


class Notified(World):
    """A world whose registry has the shipped channels."""

    def __init__(self, clock: ManualClock | None = None) -> None:
        super().__init__(clock=clock or AheadClock())
        add_shipped_channels(self.registry)

    def subscribe(self, name: str = "hook", channel: str = "webhook", **config: Any) -> Subscription:
        """Make a subscription to everything."""
        return self.app.subscriptions.put(TENANT, name, Terms(channel, "", EVERYTHING), config).subscription

    def notify(self, event: NotificationEvent = EVENT) -> list[Job]:
        """Create and send the deliveries of a story."""
        made = self.app.notifications.deliveries_of(TENANT, event)
        results = commit(self.app.runtime, made, self.clock.now_ms())
        assert all(end.done for end in results)
        return [step.job for step in made]

    def notify_one(self, event: NotificationEvent = EVENT) -> Job:
        """Create and send the one delivery of a story."""
        [job] = self.notify(event)
        return job

    def again(self, delivery: Job) -> Job:
        """Wait until a delivery's next attempt is due, and make it."""
        self.clock.advance(max(0, self.job(delivery).due_at - self.clock.now_ms()) / 1000 + 1)
        self.tick()
        self.clock.advance(121)
        self.work()
        return self.job(delivery)

    def log(self, name: str = "hook") -> list[JobView]:
        """Read a subscription's delivery log."""
        return self.app.deliveries.page(TENANT, name, None, 50, None).deliveries

    def health(self, name: str = "hook") -> Subscription:
        """Read a subscription."""
        return self.app.subscriptions.read(TENANT, name)


class Mortal(Counted):
    """A port of a process that is dead from its fatal call on: nothing that catches the kill can go on."""

    def __getattr__(self, name: str) -> Any:
        function = super().__getattr__(name)

        def call(*arguments: Any, **options: Any) -> Any:
            if self._kill_at is not None and len(self.calls) > self._kill_at:
                raise KilledError
            return function(*arguments, **options)

        return call


def mortal(world: Notified, kill_at: int | None, *, after: bool) -> tuple[App, list[str]]:
    """Make a process that dies at one of its calls, and the list of them."""
    calls: list[str] = []
    ports = (Mortal(port, calls, kill_at, after=after) for port in (world.table, world.queues))
    return world.build(*ports), calls


def hand_out(provided: Resources, app: App) -> None:
    """Let channels' tasks run in this process."""
    provided.provide("notify", lambda: app.notify)


def notifier(world: Notified, app: App) -> bool:
    """Run one batch in a process; False when it died: then its messages come back later."""
    messages = world.queues.receive(NOTIFICATIONS)
    if not messages:
        return True
    try:
        worked = app.work.handle(messages, world.clock.now_ms() + 60_000)
    except KilledError:
        return False
    world.queues.delete(NOTIFICATIONS, [message.receipt for message in messages if message.id not in worked.unsettled])
    return True


def until_all_ended(world: Notified, jobs: list[Job], minutes: int = 60) -> None:
    """Let healthy processes go on until all deliveries have ended."""
    for _ in range(minutes):
        world.clock.advance(60)
        world.tick()
        while world.queues.depth(NOTIFICATIONS).visible:
            notifier(world, world.app)
        if all(world.job(job).terminal for job in jobs):
            return


class Noted(ChannelConfig):
    """The receiver's name."""

    receiver: str
