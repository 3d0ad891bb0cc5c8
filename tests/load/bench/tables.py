"""The tables of the page. Pure: from the results of a run to Markdown."""

from collections.abc import Mapping, Sequence
from typing import Any

from tests.load.bench.statistics import Summary, summary
from tests.load.bench.svg import figure
from tests.load.bench.targets import TARGETS, calls_per_job, trials, units_per_job
from tests.load.bench.words import wrapped

Results = Mapping[str, Any]
LOCAL = {
    "submit_single_per_s": "submit/s, single",
    "submit_bulk_per_s": "submit/s, bulk",
    "drain_per_s": "drain/s",
    "worker_cpu_ms": "worker CPU, ms/job",
    "server_share": "emulator's share of CPU",
    "memory_mib": "workers' memory, MiB",
    "latency_p50_ms": "latency p50, ms",
    "latency_p99_ms": "latency p99, ms",
    "lateness_p50_ms": "late at 70% load p50, ms",
    "lateness_p99_ms": "late at 70% load p99, ms",
    "mixed_quick_per_s": "mixed: quick jobs/s",
    "mixed_all_s": "mixed: all done, s",
}
DELAYED = {name: LOCAL[name] for name in tuple(LOCAL)[:5]} | {
    name: LOCAL[name] for name in ("latency_p50_ms", "latency_p99_ms")
}
KILLED = {"lost": "lost", "duplicated": "run twice", "recovered_s": "all done after the kill, s"}
LAYERS_SHOWN = 12


def targets(results: Results) -> str:
    """Write each target with what was measured."""
    rows = []
    for target in TARGETS:
        value = target.value(results["systems"])
        bound = f"{'>=' if target.at_least else '<='} {target.bound:g}"
        verdict = "not measured" if value is None else "met" if target.met(value) else "**missed**"
        rows.append([target.text, bound, "" if value is None else figure(value), verdict])
    return _table(["target", "bound", "measured", ""], rows)


def missed(results: Results) -> str:
    """Explain each target that was missed: the profile and the next lever."""
    found = [(target, target.value(results["systems"])) for target in TARGETS]
    lines = [
        wrapped(
            f"- **{target.text}**: {figure(value)} instead of {target.bound:g}. {target.profile} "
            f"Next lever: {target.lever}.",
            indent="  ",
        )
        for target, value in found
        if value is not None and not target.met(value)
    ]
    return "\n".join(lines) or "None."


def local(results: Results) -> str:
    """Write all measurements of the first condition."""
    return _condition(results, "local", LOCAL)


def delayed(results: Results) -> str:
    """Write the measurements of the second condition."""
    return _condition(results, "delay", DELAYED)


def killed(results: Results) -> str:
    """Write what became of the jobs whose workers were killed."""
    return _condition(results, "kill", KILLED)


def counted(results: Results) -> str:
    """Write calls and write units of a job, and the calls by name."""
    rows = []
    for name, system in results["systems"].items():
        if not system.get("counted"):
            continue
        counts, jobs = system["counted"]["calls"], system["counted"]["jobs"]
        calls, units = calls_per_job(results["systems"], name), units_per_job(results["systems"], name)
        names = ", ".join(f"{call} {count / jobs:.3f}" for call, count in counts.items() if count / jobs >= 0.002)
        rows.append([system["title"], figure(calls or 0.0), figure(units or 0.0), names])
    return _table(["system", "calls", "write units", "by name"], rows)


def profiles(results: Results) -> str:
    """Write the layers of the workers' CPU, as milliseconds of a job."""
    known = {name: system for name, system in results["systems"].items() if system.get("profile")}
    spent = {name: summary(trials(results["systems"], name, "local", "worker_cpu_ms")) for name in known}
    layers = {layer for system in known.values() for layer in system["profile"]}
    ordered = sorted(
        sorted(layers), key=lambda layer: -max(system["profile"].get(layer, 0.0) for system in known.values())
    )
    rows = [
        [layer, *(_spent(system["profile"].get(layer), spent[name]) for name, system in known.items())]
        for layer in ordered[:LAYERS_SHOWN]
    ]
    return _table(["layer", *(system["title"] for system in known.values())], rows)


def _spent(share: float | None, cpu_ms: Summary | None) -> str:
    if not share or not cpu_ms:
        return ""
    return f"{share * cpu_ms.median:.3f} ms, {share:.0%}"


def _condition(results: Results, condition: str, metrics: Mapping[str, str]) -> str:
    """Write a column for each system and a row for each measurement."""
    systems = results["systems"]
    rows = []
    for metric, title in metrics.items():
        values = [summary(trials(systems, name, condition, metric)) for name in systems]
        if any(values):
            rows.append([title, *map(cell, values)])
    reasons = [_why_not(system, condition) for system in systems.values()]
    if any(reasons):
        rows.append(["", *reasons])
    return _table([condition, *(system["title"] for system in systems.values())], rows)


def _why_not(system: Mapping[str, Any], condition: str) -> str:
    """Say what is missing: a system that is not here, or trials that failed."""
    if system["not_run"]:
        return f"not run: {system['not_run']}"
    made = system["trials"].get(condition, [])
    failed = [trial["failed"] for trial in made if "failed" in trial]
    unsettled = sum(1 for trial in made if trial.get("unrecorded"))
    said = [f"{len(failed)} of {len(made)} trials failed: {failed[0]}"] if failed else []
    said += [f"in {unsettled} of {len(made)} trials some result was not recorded after 15 s"] if unsettled else []
    return "; ".join(said) if made else "not measured"


def cell(value: Summary | None) -> str:
    """Write a median with its range."""
    if value is None:
        return ""
    if value.low == value.high:
        return figure(value.median)
    return f"{figure(value.median)} ({figure(value.low)}-{figure(value.high)})"


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
