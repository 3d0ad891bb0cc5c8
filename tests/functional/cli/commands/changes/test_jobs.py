"""The commands of `whendue jobs` that reschedule and erase a job, on the real API."""

import pytest

from tests.functional.cli.command_line import CommandLine

DUE = ("--due-at", "2027-06-01T12:00:00Z")


def submitted(whendue: CommandLine, *arguments: str) -> str:
    return str(whendue("jobs", "submit", "ok", *arguments, "--json").json["id"])


def test_reschedule_changes_the_due_time_and_the_queue(whendue: CommandLine) -> None:
    """Each alone leaves the other as it is."""
    job_id = submitted(whendue, *DUE)
    moved = whendue("jobs", "reschedule", job_id, "--due-at", "2027-07-01T12:00:00+02:00", "--json").json
    assert (moved["dueAt"], moved["priority"]) == ("2027-07-01T10:00:00Z", "normal")
    for option, queue in (("--priority", "low"), ("--queue", "high")):
        moved = whendue("jobs", "reschedule", job_id, option, queue, "--json").json
        assert (moved["dueAt"], moved["priority"]) == ("2027-07-01T10:00:00Z", queue)
    assert whendue("jobs", "reschedule", job_id, "--delay", "2h", "--json").json["dueAt"] < moved["dueAt"]
    assert "high" in whendue("jobs", "reschedule", job_id, "--delay", "3h").out
    assert [event["type"] for event in whendue("jobs", "history", job_id, "--json").lines].count("rescheduled") == 3


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ([], 2),
        (["--due-at", "2027-06-01T12:00:00"], 2),
        (["--delay", "soon"], 2),
        (["--delay", "1h", *DUE], 2),
        (["--priority", "urgent"], 2),
        (["--queue", "none"], 4),
        (["--queue", "low", "--priority", "low"], 4),
        (["--due-at", "2001-01-01T00:00:00Z"], 0),
    ],
)
def test_what_reschedule_refuses(whendue: CommandLine, options: list[str], code: int) -> None:
    """What can be seen here is refused here, the rest by the API; a time that has passed means now."""
    done = whendue("jobs", "reschedule", submitted(whendue, *DUE), *options)
    assert done.code == code, done.err


def test_a_job_that_has_ended_cannot_be_rescheduled(whendue: CommandLine) -> None:
    """And none that does not exist."""
    job_id = submitted(whendue, *DUE)
    whendue("jobs", "cancel", job_id)
    assert whendue("jobs", "reschedule", job_id, "--delay", "1h").code == 6
    assert whendue("jobs", "reschedule", "none", "--delay", "1h").code == 5


def test_erase_asks_and_takes_only_what_has_ended(whendue: CommandLine) -> None:
    """Nobody can answer in a pipe."""
    job_id = submitted(whendue, *DUE)
    assert whendue("jobs", "erase", job_id, "--yes").code == 6
    whendue("jobs", "cancel", job_id)
    refused = whendue("jobs", "erase", job_id)
    assert (refused.code, "--yes" in refused.err) == (2, True)
    assert whendue("jobs", "get", job_id).code == 0
    assert whendue("jobs", "erase", job_id, "--yes").out == f"{job_id} is erased\n"
    assert whendue("jobs", "get", job_id).code == 5
    assert whendue("jobs", "erase", job_id, "--yes").code == 5
