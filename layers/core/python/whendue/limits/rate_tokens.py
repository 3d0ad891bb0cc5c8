"""Rates of limited keys: tokens reserved by compare-and-set of one item."""

from collections.abc import Sequence

from whendue.engine.ports import Item
from whendue.engine.runtime import Runtime
from whendue.limits.rate_policy import reserve
from whendue.quotas import LIMIT_ITEM_KEPT_S, RATE_TRIES
from whendue.support.conflicts import CONFLICT, Conflict, retry_on_conflict
from whendue.table.keys import rate_key
from whendue.table.writes import Is, Write, insert


class RateTokens:
    """Reserves the starts of a key's jobs; a reserved token that is not used makes the key slower, never faster."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def reserve(self, pk: str, rate_per_s: float, count: int, seen: Item | None, now_ms: int) -> Sequence[int] | None:
        """Reserve tokens with one write; return when each is good, ms UTC, or None if the table does not answer.

        Returns fewer than `count` if the others would be good only beyond the horizon.

        Args:
            pk: the key.
            rate_per_s: its limit.
            count: number of tokens.
            seen: the rate's item as read.
            now_ms: the time.
        """
        if not count:
            return []

        def decide(current: Item | None) -> tuple[Sequence[int], Write]:
            starts, tat_us = reserve(current["tat_us"] if current else 0, now_ms * 1000, rate_per_s, count)
            return starts, self._write(pk, current, tat_us)

        def apply(planned: tuple[Sequence[int], Write]) -> Sequence[int] | Conflict | None:
            # The item that refuses a write is the next one to decide on: no other read is needed.
            nonlocal seen
            starts, write = planned
            [result] = self._runtime.store.apply([write])
            seen = result.current
            if result.done:
                return [-(-start // 1000) for start in starts]
            return None if result.failed else CONFLICT

        return retry_on_conflict(lambda: seen, decide, apply, exhausted=lambda: None, tries=RATE_TRIES)

    def _write(self, pk: str, seen: Item | None, tat_us: int) -> Write:
        """Set the theoretical arrival time, under a mark: two batches may want the same one."""
        values = {
            "tat_us": tat_us,
            "fence": self._runtime.clock.new_id(),
            "expires_at": tat_us // 1_000_000 + LIMIT_ITEM_KEPT_S,
        }
        if seen is None:
            return insert("reserve", rate_key(pk), values)
        return Write("reserve", rate_key(pk), [Is("fence", seen["fence"])], values)
