"""List prices (prices.json, with sources and date), for estimates: what a bill says depends on discounts and region."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

PRICE_LIST: Final = Path(__file__).with_name("prices.json")


@dataclass(frozen=True, slots=True)
class PriceList:
    """Prices of one region.

    Args:
        region: AWS's name of it.
        checked: the day on which the prices were looked up, as in 2026-11-27.
        usd: name of a price -> US dollars for a single unit.
    """

    region: str
    checked: str
    usd: Mapping[str, float]


def entries() -> Mapping[str, Any]:
    """Read the whole file: prices with their units and sources."""
    read: dict[str, Any] = json.loads(PRICE_LIST.read_text(encoding="utf-8"))
    return read


@cache
def price_list() -> PriceList:
    """Return the prices; read when first needed, so a process that estimates nothing reads nothing."""
    read = entries()
    prices = {name: price["usd"] / price["per"] for name, price in read["prices"].items()}
    return PriceList(read["region"], read["checked"], prices)
