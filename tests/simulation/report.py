"""The numbers of a run, written into docs/proof.md."""

import re
from collections.abc import Mapping
from pathlib import Path

from tests.simulation.explore import Tally

PAGE = Path(__file__).parents[2] / "docs/proof.md"


def write_report(tallies: Mapping[str, Tally], random_tally: Tally) -> None:
    """Put the numbers between `<!-- numbers -->` and `<!-- end -->`."""
    lines = ["| scenario | single faults | pairs run | of | violations |", "|---|--:|--:|--:|--:|"]
    for name, tally in tallies.items():
        lines.append(f"| {name} | {tally.singles:,} | {tally.pairs:,} | {tally.pairs_of:,} | {len(tally.found)} |")
    lines.append(f"| random worlds: {random_tally.worlds:,} | | | | {len(random_tally.found)} |")
    text = PAGE.read_text()
    numbers = "\n".join(lines)
    PAGE.write_text(re.sub(r"(<!-- numbers -->\n).*?(<!-- end -->)", rf"\g<1>{numbers}\n\g<2>", text, flags=re.DOTALL))
