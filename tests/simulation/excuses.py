"""Mutants that may survive, and why: they change nothing that a guarantee is about (docs/adr/0008)."""

from typing import Final

_LOST = "stands is not None and stands.fence == one.job.fence and (not stands.terminal)"
EXCUSES: Final[dict[str, str]] = {
    "services.leases without one.owned": "a beat without a claim is refused by its fence; the filter saves the call",
    f"services.leases without stands is not None in {_LOST}": "items vanish by TTL alone, long after their jobs ended",
    f"services.leases without stands.fence == one.job.fence in {_LOST}": "the next beat is refused, too",
    f"services.leases without not stands.terminal in {_LOST}": "the next beat of an ended job is refused, too",
    "services.leases not (one.owned)": "a lease has two more beats before it ends",
}
