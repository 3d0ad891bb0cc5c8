"""Command line of `make bench`. Exit code 1 if a trial failed, 2 if it was refused or could not run."""

import json
import os
import shutil
import signal
import sys
import time
from datetime import UTC, datetime
from types import FrameType
from typing import Any

from localstack import emulator, venvs
from localstack.paths import LOCAL, ROOT
from tests.load.bench import machine, options, report
from tests.load.bench.options import Options
from tests.load.bench.runner import DELAY_MS, Runner
from tests.load.bench.systems import SYSTEMS

DOCS = ROOT / "docs/reference"


def main() -> int:
    """Run what make's variables ask for; with the argument `page` write the page of the results that are there."""
    if sys.argv[1:] == ["page"]:
        report.write(json.loads((DOCS / report.RESULTS).read_text()), DOCS)
        return 0
    try:
        wanted = options.read(os.environ, [system.name for system in SYSTEMS])
    except RuntimeError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    signal.signal(signal.SIGTERM, _interrupt)
    return run(wanted)


def run(wanted: Options) -> int:
    """Make a run, write its results, print the page's tables; return the exit code."""
    folder = LOCAL / "bench"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    venvs.ensure("bench")
    began = time.monotonic()
    described = machine.describe()
    target = DOCS if wanted.publish else folder
    with emulator.running(folder / "emulator") as running:
        runner = Runner(running, wanted, folder / "trials", say=lambda line: print(line, flush=True))
        measured = runner.run([system for system in SYSTEMS if system.name in wanted.systems])
        results = {
            "made": datetime.now(UTC).strftime("%Y-%m-%d"),
            "took_min": round((time.monotonic() - began) / 60, 1),
            "machine": described,
            "trials": max(len(trials) for system in measured.values() for trials in [[], *system["trials"].values()]),
            "kills": wanted.kills,
            "jobs": wanted.jobs,
            "processes": wanted.processes,
            "threads": wanted.threads,
            "delay_ms": DELAY_MS,
            "systems": measured,
        }
        # The emulator takes its time to end: it removes what the functions were unpacked to.
        report.write(results, target)
        print(f"\n{report.page(results)}\n{target / report.RESULTS}", flush=True)
    return 1 if _failures(measured) else 0


def _failures(measured: dict[str, Any]) -> list[str]:
    trials = [trial for system in measured.values() for made in system["trials"].values() for trial in made]
    return [trial["failed"] for trial in trials if "failed" in trial]


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
