"""What `make bench` was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

TRIALS_MAX, JOBS_MAX = 50, 20_000
# The threads are those that `whendue worker` has by default.
DEFAULTS = {"TRIALS": 5, "KILLS": 2, "MINUTES": 600, "JOBS": 2000, "PROCESSES": 2, "THREADS": 40}
CONDITIONS = ("local", "delay", "kill")


class RefusedError(RuntimeError):
    """Such a run is not made."""


@dataclass(frozen=True, slots=True)
class Options:
    """A run.

    Args:
        trials: of each system.
        kills: in how many of them workers are killed as well; it counts jobs, and takes a minute each time.
        minutes: after which no further round of trials begins.
        jobs: of each drain.
        processes: workers of each system.
        threads: of each worker.
        systems: those that take part, by name.
        conditions: some of `CONDITIONS`.
        publish: write the results and the page into the docs; otherwise below `.local/` only.
    """

    trials: int
    kills: int
    minutes: int
    jobs: int
    processes: int
    threads: int
    systems: Sequence[str]
    conditions: Sequence[str]
    publish: bool


def read(asked: Mapping[str, str], known: Sequence[str]) -> Options:
    """Read a run from make's variables.

    Args:
        asked: the environment.
        known: the systems' names.

    Raises:
        RefusedError: a number is out of its bounds, or a name is unknown.
    """
    systems = _names(asked, "SYSTEMS", known)
    conditions = _names(asked, "CONDITIONS", CONDITIONS)
    complete = set(systems) == set(known) and set(conditions) == set(CONDITIONS)
    return Options(
        trials=_number(asked, "TRIALS", TRIALS_MAX),
        kills=_number(asked, "KILLS", TRIALS_MAX, least=0),
        minutes=_number(asked, "MINUTES", 6000),
        jobs=_number(asked, "JOBS", JOBS_MAX, least=20),
        processes=_number(asked, "PROCESSES", 64),
        threads=_number(asked, "THREADS", 200),
        systems=systems,
        conditions=conditions,
        # A partial run would replace a page that says more.
        publish=complete and (asked.get("PUBLISH") or "1") == "1",
    )


def _number(asked: Mapping[str, str], name: str, most: int, least: int = 1) -> int:
    text = asked.get(name) or str(DEFAULTS[name])
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise RefusedError(f"{name} must be a whole number from {least} to {most}")
    return int(text)


def _names(asked: Mapping[str, str], name: str, known: Sequence[str]) -> list[str]:
    wanted = (asked.get(name) or "").replace(",", " ").split()
    if unknown := sorted(set(wanted) - set(known)):
        raise RefusedError(f"{name} has no {unknown[0]}: give some of {', '.join(known)}")
    return [item for item in known if item in wanted or not wanted]
