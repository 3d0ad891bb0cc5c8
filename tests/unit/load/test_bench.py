"""The pure parts of `make bench`: statistics, options, targets, page and charts; and the page that is in the docs."""

import asyncio
import json
import sys
import threading
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.load.bench import counting_proxy, delay_proxy, killer, notes, options, processes, report, tables, trial
from tests.load.bench.options import RefusedError
from tests.load.bench.programs import produce, sampled
from tests.load.bench.programs.tasks import note
from tests.load.bench.statistics import Summary, paired, percentile, ratio, summary
from tests.load.bench.svg import Bar, chart, figure
from tests.load.bench.systems import SYSTEMS
from tests.load.bench.targets import TARGETS, calls_per_job, units_per_job
from tests.load.bench.words import HEAD

DOCS = Path(__file__).parents[3] / "docs/reference"
NAMES = [system.name for system in SYSTEMS]


def results(**systems: Any) -> dict[str, Any]:
    machine = {"processor": "a", "cores": 2, "memory_gib": 4, "system": "s", "python": "3.11", "load": 0.1}
    return {
        "made": "2026-01-01",
        "took_min": 1.0,
        "machine": machine | {"versions": {"celery": "5"}},
        "trials": 5,
        "kills": 2,
        "jobs": 100,
        "processes": 2,
        "threads": 4,
        "delay_ms": 2.0,
        "systems": systems,
    }


def system(title: str, *trials: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"title": title, "not_run": None, "trials": {"local": list(trials)}} | more


# --- statistics -------------------------------------------------------------------------------------------------


def test_a_summary_is_the_median_and_the_range_of_what_is_known() -> None:
    """A trial that failed has no value, and does not count as nothing."""
    assert summary([3.0, None, 1.0, 2.0]) == Summary(2.0, 1.0, 3.0, 3)
    assert summary([None]) is None


def test_percentiles_are_by_nearest_rank() -> None:
    """No value is made up between two that were measured."""
    assert [percentile([4.0, 1.0, 3.0, 2.0], percent) for percent in (0, 50, 99, 100)] == [1.0, 2.0, 4.0, 4.0]
    with pytest.raises(ValueError, match="nothing"):
        percentile([], 50)


def test_ratios_are_taken_trial_by_trial() -> None:
    """The machine's other load changes between trials, and divides out of a ratio within one."""
    assert paired([10.0, 40.0, None], [5.0, 10.0, 1.0]) == Summary(3.0, 2.0, 4.0, 2)
    assert ratio(1.0, 0.0) is None


# --- options ----------------------------------------------------------------------------------------------------


def test_options_have_defaults_and_only_a_complete_run_is_published() -> None:
    """A run of two systems must not replace a page about nine."""
    assert options.read({}, NAMES).publish
    asked = options.read({"SYSTEMS": "dramatiq,whendue", "TRIALS": "2"}, NAMES)
    assert (asked.systems, asked.trials, asked.publish) == (["whendue", "dramatiq"], 2, False)
    assert not options.read({"CONDITIONS": "kill"}, NAMES).publish
    assert not options.read({"PUBLISH": "0"}, NAMES).publish


@pytest.mark.parametrize("asked", [{"TRIALS": "0"}, {"JOBS": "x"}, {"SYSTEMS": "rq"}, {"CONDITIONS": "rain"}])
def test_what_cannot_be_run_is_refused_with_the_name_of_the_option(asked: dict[str, str]) -> None:
    """Not after an hour."""
    with pytest.raises(RefusedError, match=next(iter(asked))):
        options.read(asked, NAMES)


def test_systems_have_names_of_their_own() -> None:
    """Results are kept by them."""
    assert len(set(NAMES)) == len(NAMES) == 9


# --- notes, killer, producer ------------------------------------------------------------------------------------


def test_a_note_has_the_length_by_which_notes_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And says which job ran when."""
    kept = notes.Notes(tmp_path / "notes")
    monkeypatch.setenv("BENCH_NOTES", str(kept.folder))
    note._file.cache_clear()
    for n in range(3):
        assert note.run({"n": n, "at_ns": 1, "sleep_s": 0}) == {"n": n}
    note._file.cache_clear()
    assert (kept.count(), kept.processes()) == (3, 1)
    runs = kept.runs()
    assert [run.n for run in runs] == [0, 1, 2]
    assert all(run.at_ns == 1 <= run.started_ns <= run.ended_ns for run in runs)


def test_latency_is_from_submit_to_start() -> None:
    """Not to the end: the job's own time is the user's."""
    assert trial.started_late([notes.Run(n=1, at_ns=1_000_000, started_ns=3_500_000, ended_ns=9_000_000, pid=1)]) == [
        2.5
    ]


def test_the_killer_distinguishes_lost_jobs_from_those_that_ran_twice() -> None:
    """Recovery is over when each job has run for the first time."""
    second = 1_000_000_000
    runs = [(0, second), (1, 2 * second), (0, 4 * second), (2, 3 * second)]
    assert killer.outcome(runs, jobs=3, killed_ns=second) == killer.Outcome(0, 1, 2.0)
    assert killer.outcome(runs, jobs=4, killed_ns=second) == killer.Outcome(1, 1, None)


class Recorder:
    def __init__(self) -> None:
        self.calls: list[list[dict[str, Any]]] = []

    def submit(self, payload: dict[str, Any]) -> None:
        self.calls.append([payload])

    def submit_many(self, payloads: list[dict[str, Any]]) -> None:
        self.calls.append(payloads)


def test_a_producer_submits_as_it_is_asked_to() -> None:
    """In calls of a size, with a slow job in so many."""
    client = Recorder()
    command = {"first": 5, "count": 5, "bulk": 2, "rate": 0, "sleep_s": 0.0, "slow_every": 4, "slow_s": 5.0}
    produce.submit(client, command)
    assert [[(job["n"], job["sleep_s"]) for job in call] for call in client.calls] == [
        [(5, 0.0), (6, 0.0)],
        [(7, 0.0), (8, 5.0)],
        [(9, 0.0)],
    ]
    produce.submit(client, command | {"bulk": 1, "count": 1})
    assert len(client.calls[-1]) == 1


# --- proxies ----------------------------------------------------------------------------------------------------


def test_the_delay_proxy_forwards_all_bytes_in_their_order_and_the_end() -> None:
    """Whatever their number: it must not be what loses a job."""
    sent = bytes(range(256)) * 4096

    async def talk() -> bytes:
        async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(await reader.readexactly(len(sent)))
            await writer.drain()
            writer.close()
            await writer.wait_closed()

        async with await asyncio.start_server(echo, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            async with await delay_proxy.serve(port, 2.0) as proxy:
                reader, writer = await asyncio.open_connection(*proxy.sockets[0].getsockname()[:2])
                writer.write(sent)
                received = await reader.read(-1)
                writer.close()
                await writer.wait_closed()
                # The connections' other ends close, too, before the loop does.
                await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))
                return received

    assert asyncio.run(talk()) == sent


def test_calls_are_named_by_both_of_awss_protocols() -> None:
    """Botocore speaks JSON to SQS today, others the older query protocol."""
    assert counting_proxy.name_of({"X-Amz-Target": "AmazonSQS.DeleteMessage"}, b"{}") == "DeleteMessage"
    assert counting_proxy.name_of({}, b"Action=SendMessage&Version=1") == "SendMessage"
    assert counting_proxy.name_of({}, b"") is None


def test_capacity_is_asked_of_writes_alone_and_read_from_both_forms_of_the_answer() -> None:
    """A field too many in another request is an error."""
    put = {"X-Amz-Target": "DynamoDB_20120810.PutItem"}
    assert json.loads(counting_proxy.asking(put, b'{"TableName": "t"}')) == {
        "TableName": "t",
        "ReturnConsumedCapacity": "INDEXES",
    }
    assert counting_proxy.asking({"X-Amz-Target": "AmazonSQS.SendMessage"}, b"x") == b"x"
    assert counting_proxy.consumed("PutItem", b'{"ConsumedCapacity": {"CapacityUnits": 2}}') == 2.0
    assert counting_proxy.consumed("BatchWriteItem", b'{"ConsumedCapacity": [{"CapacityUnits": 1}]}') == 1.0
    assert counting_proxy.consumed("PutItem", b"an error") == counting_proxy.consumed("Query", b"{}") == 0.0


# --- processes and samples --------------------------------------------------------------------------------------


def test_the_clock_of_ps_is_read_in_all_its_forms() -> None:
    """Where there is no /proc."""
    assert [processes._clock_s(text) for text in ("01:02.50", "1:00:01", "1-00:00:01")] == [62.5, 3601.0, 86_401.0]


def test_a_process_is_in_its_own_tree_and_uses_memory() -> None:
    """This one."""
    import os

    assert os.getpid() in processes.tree([os.getppid()])
    assert processes.memory_mib([os.getpid()]) > 1
    assert processes.cpu_s([os.getpid()]) > 0


def test_a_thread_that_waits_is_not_sampled_and_one_that_works_belongs_to_a_layer() -> None:
    """A profile of waiting would say that all workers wait."""
    waits = threading.Event()
    thread = threading.Thread(target=waits.wait)
    thread.start()
    try:
        assert thread.ident
        waiting = sys._current_frames()[thread.ident]
        assert sampled.waits(waiting)
    finally:
        waits.set()
        thread.join()
    assert sampled.layer_of(sys._getframe()) == "other"
    assert not sampled.waits(sys._getframe())


# --- page and charts --------------------------------------------------------------------------------------------


def test_a_chart_is_well_formed_and_scaled_by_the_highest_trial() -> None:
    """So that no line of a range leaves it."""
    drawn = chart("A < B", "jobs/s", [Bar("x & y", Summary(50, 40, 100, 3), ours=True)])
    root = ET.fromstring(drawn)
    space = {"svg": "http://www.w3.org/2000/svg"}
    [line] = root.findall("svg:line", space)
    bar = root.findall("svg:rect", space)[1]
    assert float(line.attrib["x2"]) - float(bar.attrib["x"]) == pytest.approx(2 * float(bar.attrib["width"]), abs=0.2)
    assert ET.fromstring(chart("nothing", "s", [])) is not None


def test_figures_have_the_digits_that_a_measurement_has() -> None:
    """Three, about."""
    assert [figure(value) for value in (1234.5, 12.34, 1.234, 0.0)] == ["1,234", "12.3", "1.23", "0"]
    assert tables.cell(Summary(2, 1, 3, 3)) == "2 (1-3)"


def test_targets_are_met_missed_or_not_measured() -> None:
    """And each missed one has its profile and its lever, no other has."""
    made = results(
        whendue=system("ours", {"drain_per_s": 80.0, "worker_cpu_ms": 1.0}),
        celery=system("Celery", {"drain_per_s": 20.0, "worker_cpu_ms": 4.0}),
        dramatiq=system("dramatiq", {"drain_per_s": 100.0, "worker_cpu_ms": 1.0}),
    )
    verdicts = [
        line.rpartition("| ")[0].rpartition("| ")[2].strip() or line for line in tables.targets(made).splitlines()
    ]
    assert len(verdicts) == len(TARGETS) + 2
    text = tables.targets(made)
    assert "| drain / Celery with results | >= 3 | 4 | met |" in text
    assert "| >= 1 | 0.800 | **missed** |" in text
    assert "| drain / batched floor | >= 0.85 |  | not measured |" in text
    missed = tables.missed(made)
    assert missed.count("Next lever") == 1
    assert TARGETS[1].lever in " ".join(missed.split())
    assert tables.missed(results(whendue=system("ours"))) == "None."


def test_calls_and_write_units_are_per_job() -> None:
    """And unknown where they were not counted."""
    counted = {"jobs": 10, "calls": {"PutItem": 5, "SendMessage": 1}, "write_units": 60.0}
    known = {"whendue": system("ours", counted=counted)}
    assert (calls_per_job(known), units_per_job(known)) == (0.6, 6.0)
    assert calls_per_job({"whendue": system("ours")}) is None
    assert "PutItem 0.500" in tables.counted(results(**known))


def test_what_did_not_run_and_what_failed_is_on_the_page() -> None:
    """An empty cell would look like a system that is not worth a word."""
    redis = system("Redis") | {"not_run": "no redis-server"}
    page = report.page(results(whendue=system("ours", {"drain_per_s": 1.0}, {"failed": "it broke"}), redis=redis))
    assert "not run: no redis-server" in page
    assert "1 of 2 trials failed: it broke" in page


def test_a_page_says_that_trials_are_few_and_that_the_machine_was_busy() -> None:
    """Its figures would be quoted as if they were worth something."""
    assert "Fewer than" not in report.page(results(whendue=system("ours")))
    poor = results(whendue=system("ours")) | {"trials": 1}
    poor["machine"]["load"] = 9.0
    page = report.page(poor)
    assert "Fewer than the five trials" in page
    assert "busy" in page


def test_the_layers_of_a_profile_are_milliseconds_of_a_job() -> None:
    """A share alone says nothing about a job."""
    made = results(whendue=system("ours", {"worker_cpu_ms": 2.0}, profile={"HTTP": 0.25, "threads": 0.75}))
    assert "| threads | 1.500 ms, 75% |" in tables.profiles(made)


def test_the_page_and_the_charts_of_the_docs_are_those_of_their_results() -> None:
    """Nobody writes a number into them by hand; `python -m tests.load.bench page` writes them anew."""
    kept = json.loads((DOCS / report.RESULTS).read_text())
    for name, text in report.files(kept).items():
        assert (DOCS / name).read_text() == text, name


def test_the_published_run_has_every_system_and_describes_its_machine() -> None:
    """Rows that look bad cannot be left out."""
    kept = json.loads((DOCS / report.RESULTS).read_text())
    assert list(kept["systems"]) == NAMES
    for name, measured in kept["systems"].items():
        assert measured["not_run"] or measured["trials"]["local"], name
    assert kept["machine"]["processor"]
    assert HEAD in (DOCS / report.PAGE).read_text()
