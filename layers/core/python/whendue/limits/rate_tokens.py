"""Rates of limited keys: tokens reserved by compare-and-set of one item."""

from collections.abc import Sequence

from whendue.engine.ports import Item
from whendue.engine.runtime import Runtime
from whendue.limits.rate_policy import reserve
from whendue.quotas import LIMIT_ITEM_KEPT_S
from whendue.table.keys import rate_key
from whendue.table.writes import Is, Write, insert

# So many lose in a row only where more batches start than the item can count.
TRIES = 20


class RateTokens:
    """Says when jobs of a key may start; what is reserved and not used makes it slower, never faster."""

    def __init__(self, runtime: Runtime) -> None:
        """Use this runtime."""
        self._runtime = runtime

    def reserve(self, pk: str, rate_per_s: float, count: int, seen: Item | None, now_ms: int) -> Sequence[int] | None:
        """Reserve tokens with one write: from when on each is good, ms UTC; None if the table does not say.

        Fewer than are asked for where the others would be good beyond the horizon only.

        Args:
            pk: the key.
            rate_per_s: its limit.
            count: how many.
            seen: the rate's item as read.
            now_ms: the time.
        """
        if not count:
            return []
        for _ in range(TRIES):
            starts, tat_us = reserve(seen["tat_us"] if seen else 0, now_ms * 1000, rate_per_s, count)
            [end] = self._runtime.store.apply([self._write(pk, seen, tat_us)])
            if end.done:
                return [-(-start // 1000) for start in starts]
            if end.failed:
                return None
            seen = end.current
        return None

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
