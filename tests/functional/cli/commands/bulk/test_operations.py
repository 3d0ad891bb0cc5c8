"""`whendue operations` on the real API: what it asks, writes and returns."""

from tests.functional.cli.command_line import CommandLine


def later(whendue: CommandLine, *more: str) -> str:
    return str(whendue("jobs", "submit", "ok", "--delay", "1h", *more, "--json").json["id"])


def test_an_operation_is_counted_begun_and_shown(whendue: CommandLine) -> None:
    """By a filter, with a new priority."""
    job = later(whendue, "--tag", "team=x")
    later(whendue)
    chosen = ["operations", "start", "reprioritise", "--to-priority", "high", "--tag", "team=x", "--type", "ok"]
    counted = whendue(*chosen, "--dry-run")
    assert (counted.code, counted.out) == (0, "1 jobs match\n")
    begun = whendue(*chosen, "--yes", "--wait", "--json").json
    assert (begun["state"], begun["counts"]["changed"], begun["priority"]) == ("finished", 1, "high")
    assert whendue("jobs", "get", job, "--json").json["priority"] == "high"
    assert "reprioritise" in whendue("operations", "get", begun["id"]).out
    [listed] = whendue("operations", "list", "--json").lines
    assert listed["id"] == begun["id"]


def test_a_reschedule_takes_a_time_or_a_delay(whendue: CommandLine) -> None:
    """And not both."""
    job = later(whendue)
    done = whendue("operations", "start", "reschedule", "--id", job, "--delay", "2h", "--yes", "--json")
    assert (done.code, done.json["counts"]["changed"]) == (0, 1)
    both = ["--delay", "2h", "--at", "2099-01-01T00:00:00Z"]
    assert whendue("operations", "start", "reschedule", "--id", job, *both, "--yes").code != 0


def test_it_needs_a_yes(whendue: CommandLine) -> None:
    """And says how many it would be of."""
    later(whendue)
    done = whendue("operations", "start", "cancel", "--all")
    assert done.code == 2
    assert "1 jobs match: add --yes" in done.err


def test_a_job_that_cannot_be_changed_is_named(whendue: CommandLine) -> None:
    """With exit code 1 if it was waited for."""
    done = whendue("operations", "start", "cancel", "--id", "no-job", "--yes", "--wait")
    assert done.code == 1
    assert "no-job: job_not_found" in done.out


def test_a_redrive_is_undone(whendue: CommandLine) -> None:
    """By an operation of its own; what is no redrive is not."""
    job = later(whendue)
    cancelled = whendue("operations", "start", "cancel", "--id", job, "--yes", "--json").json
    options = ["--id", job, "--rate", "0.001", "--yes", "--json"]
    redriven = whendue("operations", "start", "redrive", *options).json
    undone = whendue("operations", "undo", redriven["id"], "--json").json
    assert undone["undoes"] == redriven["id"]
    assert whendue("operations", "undo", cancelled["id"]).code == 6
    assert whendue("operations", "cancel", cancelled["id"]).code == 6
    assert whendue("operations", "get", "none").code == 5
