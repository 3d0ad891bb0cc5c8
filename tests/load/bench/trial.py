"""One trial of one system: submit, drain, latency, lateness under load, mixed durations."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.load.bench import processes
from tests.load.bench.notes import Run
from tests.load.bench.statistics import percentile
from tests.load.bench.systems.base import Deployment

Measured = dict[str, float | None]
# One call of the system's client, where it has one for many.
BULK = 100
# Of the jobs, submitted one by one; the others in bulk.
SINGLE_PART = 4
LATENCY_JOBS, LATENCY_RATE = 100, 25.0
# Of what the system can submit and run at the same time.
LOAD, LOAD_S = 0.7, 4.0
SLOW_EVERY, SLOW_S = 100, 5.0
# No job ended for so long: the others never will.
SILENT_S = 60.0
SETTLE_S = 15.0


@dataclass(frozen=True, slots=True)
class Reading:
    """What processes have used so far, seconds of CPU."""

    at_ns: int
    workers_s: float
    server_s: float


def read(deployment: Deployment) -> Reading:
    """Read the CPU time of workers and server."""
    return Reading(time.time_ns(), processes.cpu_s(deployment.worker_pids()), processes.cpu_s([deployment.server_pid]))


def run(deployment: Deployment, jobs: int) -> Measured:
    """Make all measurements of the condition `local`."""
    measured = submit(deployment, jobs)
    measured |= drain(deployment, jobs)
    measured |= latency(deployment, jobs)
    measured |= under_load(deployment, measured)
    deployment.stop()
    return measured


def run_delayed(deployment: Deployment, jobs: int) -> Measured:
    """Make the measurements of the condition `delay`."""
    measured = submit(deployment, jobs)
    measured |= drain(deployment, jobs)
    measured |= latency(deployment, jobs)
    deployment.stop()
    return measured


def submit(deployment: Deployment, jobs: int) -> Measured:
    """Submit one by one, then in bulk, while no worker runs."""
    single = max(1, jobs // SINGLE_PART)
    single_run = deployment.producer.submit(single)
    bulk_run = deployment.producer.submit(jobs - single, bulk=BULK)
    return {
        "submit_single_per_s": single / single_run["seconds"],
        "submit_bulk_per_s": (jobs - single) / bulk_run["seconds"],
        "submit_bulk_cpu_ms": bulk_run["cpu_s"] * 1000 / (jobs - single),
    }


def drain(deployment: Deployment, jobs: int) -> Measured:
    """Run what was submitted. It counts from when every worker has run a job: starting is not measured."""
    deployment.start()
    # A worker that finds nothing left never runs one.
    started = min(deployment.worker_processes, jobs)
    if not _await_start(deployment, started, jobs):
        raise RuntimeError("no worker began within a minute")
    before = read(deployment)
    ended = deployment.notes.wait(jobs, SILENT_S)
    after = read(deployment)
    settled = settle(deployment, jobs)
    recorded = read(deployment)
    runs = [run for run in deployment.notes.runs() if run.ended_ns > before.at_ns]
    if not ended or len(runs) < jobs // 4:
        raise RuntimeError(f"{deployment.notes.count()} of {jobs} jobs ran, {len(runs)} of them measured: raise JOBS")
    workers_s, server_s = recorded.workers_s - before.workers_s, after.server_s - before.server_s
    return {
        "drain_per_s": len(runs) * 1e9 / (runs[-1].ended_ns - before.at_ns),
        "worker_cpu_ms": workers_s * 1000 / len(runs),
        "server_share": server_s / (server_s + after.workers_s - before.workers_s or 1),
        "memory_mib": processes.memory_mib(deployment.worker_pids()),
        "unrecorded": None if settled else 1.0,
    }


def latency(deployment: Deployment, before: int) -> Measured:
    """Submit single jobs at a low rate to workers that wait."""
    late = _paced(deployment, before, LATENCY_JOBS, LATENCY_RATE)
    return {f"latency_{name}": value for name, value in late.items()}


def under_load(deployment: Deployment, measured: Measured) -> Measured:
    """Submit at 70% of what the system sustains: submits and drains share the emulator, so their times add up."""
    bulk, drained = measured["submit_bulk_per_s"], measured["drain_per_s"]
    assert bulk
    assert drained
    rate = LOAD / (1 / bulk + 1 / drained)
    count = max(20, int(rate * LOAD_S))
    late = _paced(deployment, len(deployment.notes.runs()), count, rate, bulk=10)
    return {"load_rate": rate} | {f"lateness_{name}": value for name, value in late.items()}


def mixed(deployment: Deployment, jobs: int) -> Measured:
    """Run jobs of which one in a hundred takes five seconds; measures the others: do they wait behind the slow ones?"""
    before = deployment.notes.count()
    deployment.producer.submit(jobs, bulk=BULK, slow_every=SLOW_EVERY, slow_s=SLOW_S)
    deployment.start()
    if not deployment.notes.wait(before + jobs, SILENT_S):
        raise RuntimeError("mixed jobs did not end")
    # By when they were submitted: a slow job ends after those of a later phase.
    runs = sorted(deployment.notes.runs(), key=lambda run: run.n)[before:]
    runs.sort(key=lambda run: run.ended_ns)
    deployment.stop()
    quick = [run for run in runs if run.n % SLOW_EVERY]
    began_ns = min(run.started_ns for run in runs)
    return {
        "mixed_quick_per_s": len(quick) * 1e9 / (quick[-1].ended_ns - began_ns),
        "mixed_all_s": (runs[-1].ended_ns - began_ns) / 1e9,
    }


def _await_start(deployment: Deployment, started: int, jobs: int) -> bool:
    """Wait until every worker has run a job, or a quarter of the jobs is done: some worker may start late."""
    until = time.monotonic() + SILENT_S
    while time.monotonic() < until:
        if deployment.notes.processes() >= started or deployment.notes.count() > jobs // 4:
            return True
        deployment.worker_pids()
        time.sleep(0.05)
    return False


def settle(deployment: Deployment, jobs: int) -> bool:
    """Wait until results are recorded and messages deleted."""
    until = time.monotonic() + SETTLE_S
    while not (settled := deployment.settled(jobs)) and time.monotonic() < until:
        time.sleep(0.1)
    return settled


def _paced(deployment: Deployment, before: int, count: int, rate: float, bulk: int = 1) -> Measured:
    """Submit at a rate; returns the percentiles of the time from submit to start, ms."""
    deployment.producer.submit(count, rate=rate, bulk=bulk)
    if not deployment.notes.wait(before + count, SILENT_S):
        raise RuntimeError("paced jobs did not end")
    late = started_late(deployment.notes.runs()[-count:])
    return {"p50_ms": percentile(late, 50), "p99_ms": percentile(late, 99)}


def started_late(runs: Sequence[Run]) -> list[float]:
    """Return how long after their submit jobs began, ms."""
    return [run.latency_ms for run in runs]


def as_json(measured: Measured) -> dict[str, Any]:
    """Round for the file: more digits than a trial can show say nothing."""
    return {name: None if value is None else float(f"{value:.4g}") for name, value in measured.items()}
