"""The numbers of a run, written into tests/simulation/README.md."""

import re
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from tests.simulation.explore import Summary
from tests.simulation.parts import AREA_OF

PAGE = Path(__file__).parents[2] / "tests/simulation/README.md"


def write_report(summaries: Mapping[str, Summary], random_summary: Summary) -> None:
    """Write what was explored."""
    lines = ["| scenario | single faults | pairs run | of | violations |", "|---|--:|--:|--:|--:|"]
    for name, summary in summaries.items():
        lines.append(
            f"| {name} | {summary.singles:,} | {summary.pairs:,} | {summary.pairs_of:,} | {len(summary.found)} |"
        )
    lines.append(f"| random worlds: {random_summary.worlds:,} | | | | {len(random_summary.found)} |")
    _put("numbers", lines)


def write_mutants(counts: Counter[tuple[str, str]]) -> None:
    """Write who caught the mutants of each module that was judged; the others' lines stay."""
    kinds = ["scenarios", "tests", "random worlds", "explained", "survivors", "unjudged"]
    lines = [f"| module | {' | '.join(kinds)} |", f"|---|{'--:|' * len(kinds)}"]
    known = {line.split("`")[1]: line for line in PAGE.read_text().splitlines() if line.startswith("| `whendue.")}
    for module in {module for module, _ in counts}:
        known[module] = f"| `{module}` | {' | '.join(str(counts[module, kind]) for kind in kinds)} |"
    _put("mutants", [*lines, *(known[module] for module in sorted(AREA_OF) if module in known)])


def _put(name: str, lines: list[str]) -> None:
    """Put lines between `<!-- name -->` and the `<!-- end -->` after it."""
    part = re.compile(rf"(<!-- {name} -->\n).*?(<!-- end -->)", re.DOTALL)
    text = "\n".join(lines)
    PAGE.write_text(part.sub(lambda found: f"{found[1]}{text}\n{found[2]}", PAGE.read_text()))
