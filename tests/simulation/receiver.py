"""The receiver of notifications in the simulation: a channel of its own, whose one call meets fates as any other."""

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from tests.simulation.fates import ONE_WRITE
from tests.simulation.hub import current_strand
from whendue.channel import Attempt, ChannelConfig, Event
from whendue.context import Context
from whendue.registry import ChannelDefinition, Registry, channel
from whendue.resources import provide

if TYPE_CHECKING:
    from tests.simulation.world import World

CHANNEL: Final = "sim"


class Arrival(NamedTuple):
    """What the receiver has seen: under which id, which event of which job, and when that happened."""

    delivery: str
    event: str
    job_id: str
    timestamp: str


class ReceiverError(Exception):
    """The receiver did not take it, or nobody knows."""


class ReceiverConfig(ChannelConfig):
    """How a receiver behaves: it answers the first so many calls with an error."""

    refuses: int = 0


class Receiver:
    """The receiver of one world."""

    def __init__(self, world: "World") -> None:
        self._world = world
        self._calls = 0
        self.arrivals: list[Arrival] = []

    def receive(self, event: Event, config: ReceiverConfig, attempt: Attempt) -> None:
        """Take an event, or raise."""

        def effect() -> bool:
            self._calls += 1
            if self._calls <= config.refuses:
                return False
            self.arrivals.append(Arrival(attempt.id, event.type, str(event.data.get("jobId")), event.timestamp))
            self._world.say("receiver", f"sees {event.type} under {attempt.id[-4:]}")
            return True

        process = current_strand().process
        if not self._world.outside(process, "notify", ONE_WRITE, effect, lambda: False):
            raise ReceiverError("the receiver has not taken it")


def install(registry: Registry) -> None:
    """Declare the channel, and let deliveries find the services of the process that they run in."""

    def receive(event: Event, config: ReceiverConfig, attempt: Attempt) -> None:
        world: World = current_strand().process.tasks.world
        world.receiver.receive(event, config, attempt)

    channel(CHANNEL, registry=registry)(receive)
    provide("notify", lambda: _here)


def _here(definition: ChannelDefinition, event: Event, ctx: Context) -> Any:
    return current_strand().process.app.notify(definition, event, ctx)
