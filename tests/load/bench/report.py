"""The page, the charts and the results file of a run: docs/reference/benchmarks.md and docs/reference/benchmarks/."""

import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tests.load.bench import tables, words
from tests.load.bench.statistics import summary
from tests.load.bench.svg import Bar, chart
from tests.load.bench.targets import trials

PAGE, FOLDER = "benchmarks.md", "benchmarks"
RESULTS = f"{FOLDER}/results.json"
# File -> title, unit, measurement.
CHARTS = {
    "drain.svg": ("Drain", "jobs/s, more is better", "drain_per_s"),
    "submit.svg": ("Bulk submit", "jobs/s, more is better", "submit_bulk_per_s"),
    "cpu.svg": ("Worker CPU", "ms per job, less is better", "worker_cpu_ms"),
}


def write(results: Mapping[str, Any], folder: Path) -> None:
    """Write all files of a run.

    Args:
        results: of the run.
        folder: where the page goes; the rest goes to a folder beside it.
    """
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, text in files(results).items():
        (folder / name).write_text(text)


def files(results: Mapping[str, Any]) -> dict[str, str]:
    """Return all files of a run by their paths."""
    charts = {f"{FOLDER}/{name}": drawn(results, *about) for name, about in CHARTS.items()}
    return {PAGE: page(results), RESULTS: json.dumps(results, indent=1) + "\n", **charts}


def drawn(results: Mapping[str, Any], title: str, unit: str, metric: str) -> str:
    """Draw a chart of one measurement."""
    systems = results["systems"]
    values = {name: summary(trials(systems, name, "local", metric)) for name in systems}
    bars = [Bar(systems[name]["title"], value, name.startswith("whendue")) for name, value in values.items() if value]
    return chart(title, unit, bars)


def page(results: Mapping[str, Any]) -> str:
    """Write the page."""
    charts = "\n".join(f"![{title}]({FOLDER}/{name})" for name, (title, _, _) in CHARTS.items())
    parts: Sequence[tuple[str, Callable[[Mapping[str, Any]], str]]] = (
        ("## Targets", tables.targets),
        ("## Missed targets", tables.missed),
        ("## On one machine, without a network", tables.local),
        ("## With 2 ms of network delay", tables.delayed),
        ("## With `kill -9` half way", tables.killed),
        ("## Calls and write units per job", tables.counted),
        ("## Where the workers' CPU goes", tables.profiles),
    )
    sections = [f"{title}\n\n{words.SECTIONS[title]}{make(results)}" for title, make in parts]
    head = [words.HEAD, words.made(results), charts]
    return "\n\n".join([*head, *sections, words.HOW]) + "\n"
