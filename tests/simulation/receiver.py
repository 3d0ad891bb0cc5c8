"""The receiver of notifications in the simulation: a channel of its own, whose one call meets faults as any other."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.simulation.faults import ONE_WRITE
from tests.simulation.scheduler import current_strand
from whendue.declarations.channel import Attempt, ChannelConfig, Event, ReceiverGoneError
from whendue.declarations.context import Context
from whendue.declarations.registry import ChannelDefinition, Registry, channel
from whendue.declarations.resources import provide

if TYPE_CHECKING:
    from tests.simulation.world import World

CHANNEL: Final = "sim"


class Arrival(NamedTuple):
    """What the receiver has seen: for which subscription, under which id, which event of what, and when that was."""

    subscription: str
    delivery: str
    event: str
    about: str
    timestamp: str


def about_of(data: Mapping[str, Any]) -> str:
    """Name the job, the schedule or the queue that an event is about."""
    return str(data.get("jobId") or data.get("schedule") or data["queue"])


class ReceiverError(Exception):
    """The receiver did not take it, or nobody knows."""


class ReceiverConfig(ChannelConfig):
    """How a receiver behaves: it answers the first so many calls with an error, or wants to hear of nothing at all."""

    refuses: int = 0
    gone: bool = False


class Receiver:
    """The receiver of one world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._calls = 0
        self.arrivals: list[Arrival] = []
        self.is_gone = False

    def receive(self, event: Event, config: ReceiverConfig, attempt: Attempt) -> None:
        """Take an event, or raise."""

        def effect() -> bool:
            self._calls += 1
            if self._calls <= config.refuses:
                return False
            arrival = Arrival(attempt.subscription, attempt.id, event.type, about_of(event.data), event.timestamp)
            self.arrivals.append(arrival)
            self._world.say("receiver", f"sees {event.type} under {attempt.id[-4:]}")
            return True

        process = current_strand().process
        if not self._world.outside(process, "notify", ONE_WRITE, effect, lambda: False):
            raise ReceiverError("the receiver has not taken it")
        if config.gone:
            self.is_gone = True
            raise ReceiverGoneError("the receiver is gone")


def install(registry: Registry) -> None:
    """Declare the channel, and let deliveries find the services of the process that they run in."""

    def receive(event: Event, config: ReceiverConfig, attempt: Attempt) -> None:
        world: World = current_strand().process.tasks.world
        world.receiver.receive(event, config, attempt)

    channel(CHANNEL, registry=registry)(receive)
    provide("notify", lambda: _here)


def _here(definition: ChannelDefinition, event: Event, ctx: Context) -> Any:
    return current_strand().process.app.notify(definition, event, ctx)
