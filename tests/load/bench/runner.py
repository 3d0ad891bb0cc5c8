"""Runs all trials of a run on one emulator, the systems' trials interleaved, and returns what was measured."""

import json
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from localstack.emulator import Emulator
from localstack.paths import ROOT
from tests.load.bench import killer, processes, trial
from tests.load.bench.counting_proxy import counting
from tests.load.bench.options import Options
from tests.load.bench.systems.base import PYTHON, ProcessDeployment, Site, System
from tests.load.bench.systems.celery_workers import Celery

DELAY_MS = 2.0
# Long enough that no message comes twice while a trial lasts, but those of the condition `kill`.
VISIBILITY_S = 120
# Enough that what a process does once is no part of a job's.
COUNTED_JOBS = 500
KILLED_JOBS = 300
# Whose workers are sampled: ours, and those that targets compare them with.
PROFILED = ("whendue", "celery", "floor-batched")
Say = Callable[[str], None]


class Runner:
    """One run.

    Args:
        emulator: the one emulator.
        options: what was asked for.
        folder: for logs and notes.
        say: shows progress.
    """

    def __init__(self, emulator: Emulator, options: Options, folder: Path, say: Say) -> None:
        """Begin with nothing measured."""
        self._emulator, self._options, self._folder, self._say = emulator, options, folder, say
        self._port = urlsplit(emulator.endpoint_url).port or 0
        self._sites = 0

    def run(self, systems: Sequence[System]) -> dict[str, Any]:
        """Make all trials; returns for each system by name what the file holds."""
        began = time.monotonic()
        results: dict[str, Any] = {}
        present: list[System] = []
        for system in systems:
            missing = system.missing()
            results[system.name] = {"title": system.title, "not_run": missing, "trials": {}}
            if missing:
                self._say(f"{system.name}: not run: {missing}")
            else:
                present.append(self._settled(system, results[system.name]))
        for system in present if "local" in self._options.conditions else ():
            results[system.name]["counted"] = self._counted(system)
            results[system.name]["profile"] = self._profile(system)
        until = began + self._options.minutes * 60
        for number in range(self._options.trials):
            if number and time.monotonic() > until:
                break
            # Another system begins each trial: what the emulator has become until then meets all of them.
            turn = number % max(1, len(present))
            for system in present[turn:] + present[:turn]:
                for condition, measured in self._trial(system, number):
                    results[system.name]["trials"].setdefault(condition, []).append(measured)
        return results

    def _settled(self, system: System, result: dict[str, Any]) -> System:
        """Return Celery with the best of its settings, found by one drain of each; others as they are."""
        if not isinstance(system, Celery):
            return system
        drained = {}
        for choice in system.choices():
            with self._site(choice, "settings") as site, choice.deployed(site) as deployment:
                trial.submit(deployment, self._options.jobs)
                measured = trial.drain(deployment, self._options.jobs)
                deployment.stop()
            drained[choice] = measured["drain_per_s"] or 0.0
            self._say(f"{system.name}: {choice.choice.title}: {drained[choice]:.0f} jobs/s")
        best = max(drained, key=lambda choice: drained[choice])
        result["settings"] = best.choice.title
        result["settings_tried"] = {choice.choice.title: round(rate, 1) for choice, rate in drained.items()}
        return best

    def _counted(self, system: System) -> dict[str, Any] | None:
        """Count calls and write units from bulk submit to result, in a deployment behind the counting proxy."""
        if not system.delayed or (isinstance(system, Celery) and system.broker == "redis"):
            return None
        with counting(self._port) as (port, counted), self._site(system, "counted") as site:
            behind = replace(site, url=f"http://127.0.0.1:{port}")
            with system.deployed(behind) as deployment:
                deployment.producer.submit(COUNTED_JOBS, bulk=trial.BULK)
                deployment.start()
                deployment.notes.wait(COUNTED_JOBS, trial.SILENT_S)
                trial.settle(deployment, COUNTED_JOBS)
                calls, units = dict(counted.calls.most_common()), counted.write_units
                deployment.stop()
        self._say(f"{system.name}: {sum(calls.values()) / COUNTED_JOBS:.2f} calls, {units / COUNTED_JOBS:.2f} units")
        return {"jobs": COUNTED_JOBS, "calls": calls, "write_units": units}

    def _profile(self, system: System) -> dict[str, float] | None:
        """Drain once more under the sampler; returns the shares of the layers, the largest first."""
        if system.name not in PROFILED:
            return None
        with self._site(system, "profile") as site, system.deployed(site) as deployment:
            assert isinstance(deployment, ProcessDeployment)
            samples = site.folder / "samples"
            deployment.sampled(samples)
            trial.submit(deployment, self._options.jobs)
            trial.drain(deployment, self._options.jobs)
            deployment.stop()
            counts = sum((Counter(json.loads(path.read_text())) for path in samples.glob("*.json")), Counter[str]())
        return {layer: round(count / counts.total(), 3) for layer, count in counts.most_common()} or None

    def _trial(self, system: System, number: int) -> Iterator[tuple[str, dict[str, Any]]]:
        """Make one trial of each condition."""
        jobs = self._options.jobs
        for condition in self._options.conditions:
            if (condition == "delay" and not system.delayed) or (condition == "kill" and number >= self._options.kills):
                continue
            began = time.monotonic()
            try:
                measured = self._measured(system, condition, number, jobs)
            except Exception as error:  # noqa: BLE001 - the other systems go on, and the page says which trial failed
                measured = {"failed": f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"}
                with (self._folder / "failures.log").open("a") as log:
                    log.write(f"{system.name} {condition}: {error}\n")
            took = time.monotonic() - began
            self._say(f"trial {number + 1} {condition:5} {system.name:18} {took:5.0f} s  {_shown(measured)}")
            yield condition, measured

    def _measured(self, system: System, condition: str, number: int, jobs: int) -> dict[str, Any]:
        if condition == "kill":
            with self._site(system, f"kill{number}") as site:
                short = replace(site, visibility_s=killer.VISIBILITY_S, heals=True)
                with system.deployed(short) as deployment:
                    return asdict(killer.kill_half_way(deployment, min(jobs, KILLED_JOBS)))
        if condition == "delay":
            with self._site(system, f"delay{number}") as site, delaying(DELAY_MS, site.folder) as delayed:
                behind = replace(site, url=f"http://127.0.0.1:{delayed(self._port)}", proxy=delayed)
                with system.deployed(behind) as deployment:
                    return trial.as_json(trial.run_delayed(deployment, jobs))
        few = max(trial.SLOW_EVERY, jobs // 2)
        with self._site(system, f"local{number}") as site, system.deployed(site) as deployment:
            measured = trial.run(deployment, jobs)
            if not system.long_polls:
                return trial.as_json(measured | trial.mixed(deployment, few))
        with self._site(system, f"mixed{number}") as site, system.deployed(site) as deployment:
            return trial.as_json(measured | trial.mixed(deployment, few))

    @contextmanager
    def _site(self, system: System, what: str) -> Iterator[Site]:
        """Name a deployment: no name is used twice on one emulator."""
        self._sites += 1
        folder = self._folder / f"{self._sites:03}-{system.name}-{what}"
        folder.mkdir(parents=True)
        yield Site(
            name=f"b{self._sites}-{system.name}",
            direct_url=self._emulator.endpoint_url,
            url=self._emulator.endpoint_url,
            emulator_pid=self._emulator.pid,
            folder=folder,
            processes=self._options.processes,
            threads=self._options.threads,
            visibility_s=VISIBILITY_S,
        )


@contextmanager
def delaying(delay_ms: float, folder: Path) -> Iterator[Callable[[int], int]]:
    """Delay connections for the length of a block; yields what puts a proxy before a port and returns the new one."""
    running: list[subprocess.Popen[str]] = []

    def delayed(port: int) -> int:
        command = [str(PYTHON), "-m", "tests.load.bench.delay_proxy", str(port), str(delay_ms)]
        proxy = processes.start(command, {"PYTHONPATH": str(ROOT)}, folder / "proxy.log")
        running.append(proxy)
        assert proxy.stdout
        return int(proxy.stdout.readline())

    try:
        yield delayed
    finally:
        for proxy in running:
            proxy.terminate()
            proxy.communicate()


def _shown(measured: dict[str, Any]) -> str:
    """Return the few figures that say how a trial went."""
    shown = ("failed", "submit_bulk_per_s", "drain_per_s", "worker_cpu_ms", "lost", "duplicated", "recovered_s")
    return ", ".join(f"{name} {measured[name]}" for name in shown if measured.get(name) is not None)
