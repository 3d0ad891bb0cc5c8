"""What can become of a call to the outside, and the plans that decide it."""

import random
from collections.abc import Mapping, Sequence
from enum import Enum


class Fault(Enum):
    """The end of one call."""

    OK = "ok"
    REFUSED = "refused before effect"
    LOST = "done, its reply lost"
    PARTLY = "partly done, the rest refused"
    LATE = "process killed, the request takes effect much later"
    KILL_BEFORE = "process killed before effect"
    KILL_AFTER = "process killed after effect"
    STALL = "process frozen before effect"
    TWICE = "message stored twice"
    VANISHED = "message acknowledged and lost"
    RAISES = "raises what nobody expects, before effect"


F = Fault
READ = (F.REFUSED, F.KILL_BEFORE, F.STALL)
ONE_WRITE = (F.REFUSED, F.LOST, F.LATE, F.KILL_BEFORE, F.KILL_AFTER, F.STALL)
WRITES = (*ONE_WRITE, F.PARTLY)
ONE_SEND = (*ONE_WRITE, F.TWICE, F.VANISHED)
SENDS = (*ONE_SEND, F.PARTLY)
# What the event source mapping does after a worker has answered: no process of ours is there to be killed.
SETTLING = (F.REFUSED,)
# The processes in which whatever a call raises must end one item alone, where a world's nature asks for it.
ISOLATING = ("worker", "notifier", "dead_letter")
KILLING = (F.LATE, F.KILL_BEFORE, F.KILL_AFTER)


class Plan:
    """Faults by the number of the call; every other call is well."""

    def __init__(self, faults: Mapping[int, Fault] | None = None) -> None:
        self.faults = dict(faults or {})
        self.last = max(self.faults, default=-1)

    def fault(self, number: int, kinds: Sequence[Fault], now_ms: int) -> Fault:
        """Decide; a fault that this kind of call cannot have is none."""
        wanted = self.faults.get(number, F.OK)
        return wanted if wanted in kinds else F.OK

    def over(self, number: int, now_ms: int) -> bool:
        """Return whether no fault is to come any more."""
        return number > self.last


class Chance(Plan):
    """Faults drawn with a probability until a time; remembers what it drew, so that it can be replayed and shrunk."""

    def __init__(self, seed: int, probability: float, until_ms: int) -> None:
        super().__init__()
        self._random = random.Random(seed)
        self._probability = probability
        self._until_ms = until_ms

    def fault(self, number: int, kinds: Sequence[Fault], now_ms: int) -> Fault:
        if now_ms >= self._until_ms or self._random.random() >= self._probability:
            return F.OK
        self.faults[number] = self._random.choice(kinds)
        return self.faults[number]

    def over(self, number: int, now_ms: int) -> bool:
        return now_ms >= self._until_ms
