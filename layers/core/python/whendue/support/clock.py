"""The only reader of clock, ids and chance; everything else takes them as arguments."""

import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field


def uuid7(now_ms: int, bits: int) -> str:
    """Make a time-ordered UUID version 7 (RFC 9562 section 5.7) from a time and 74 random bits.

    Args:
        now_ms: milliseconds since 1970, UTC; the 48 high bits of the id.
        bits: an integer whose low 74 bits fill the rest.
    """
    value = (now_ms & (1 << 48) - 1) << 80 | 0x7 << 76 | (bits >> 62 & 0xFFF) << 64 | 0b10 << 62 | bits & (1 << 62) - 1
    return str(uuid.UUID(int=value))


@dataclass(frozen=True, slots=True)
class Clock:
    """Clock, ids, chance and sleep of one process.

    Args:
        now_ms: the wall clock, milliseconds since 1970, UTC.
        bits: `bits(n)` returns an integer of n random bits.
        sleep: waits for the given number of seconds.
    """

    now_ms: Callable[[], int]
    bits: Callable[[int], int]
    sleep: Callable[[float], None]

    def new_id(self) -> str:
        """Return a new time-ordered id."""
        return uuid7(self.now_ms(), self.bits(74))

    def random(self) -> float:
        """Draw a number from [0, 1)."""
        return self.bits(53) / (1 << 53)


def system_clock() -> Clock:
    """Return the real clock, the operating system's randomness and a real sleep."""
    return Clock(
        now_ms=lambda: time.time_ns() // 1_000_000,
        bits=random.SystemRandom().getrandbits,
        sleep=time.sleep,
    )


@dataclass(slots=True)
class ManualClock:
    """A clock that moves only when it is set, and seeded chance: for tests and simulation.

    Args:
        start_ms: the first time shown.
        seed: seeds the chance, so that a run can be repeated.
    """

    start_ms: int = 1_800_000_000_000
    seed: int = 0
    _now_ms: int = field(init=False)
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        """Start the clock."""
        self._now_ms = self.start_ms
        self._random = random.Random(self.seed)  # noqa: S311 - reproducible on purpose, never for secrets

    def advance(self, seconds: float) -> None:
        """Move the clock on by a number of seconds."""
        self._now_ms += round(seconds * 1000)

    def move_to(self, now_ms: int) -> None:
        """Show this time from now on, milliseconds since 1970; it may be an earlier one."""
        self._now_ms = now_ms

    def now_ms(self) -> int:
        """Show the time, milliseconds since 1970, UTC."""
        return self._now_ms

    def as_clock(self) -> Clock:
        """Return the effects that read this clock; sleeping advances it."""
        return Clock(now_ms=self.now_ms, bits=self._random.getrandbits, sleep=self.advance)
