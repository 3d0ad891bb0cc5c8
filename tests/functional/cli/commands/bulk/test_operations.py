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


def test_a_list_and_one_show_how_far_of_what_who_and_when(whendue: CommandLine) -> None:
    """A running one says down to which time it has come, one of ids of how many."""
    for _ in range(2):
        later(whendue, "--tag", "team=x")
    slow = whendue("operations", "start", "cancel", "--tag", "team=x", "--rate", "0.001", "--yes", "--json").json
    titles, row = (line.split("\t") for line in whendue("operations", "list").out.splitlines())
    shown = dict(zip(titles, row, strict=True))
    assert shown | {"by": "", "begun": ""} == {
        "id": slow["id"],
        "action": "cancel",
        "state": "running",
        "progress": f"1, down to {slow['scannedThrough']}",
        "matched": "1",
        "changed": "1",
        "failed": "0",
        "rate": "0.001",
        "filter": '{"tags": {"team": "x"}}',
        "by": "",
        "begun": "",
        "ended": "-",
    }
    assert (shown["by"], shown["begun"]) == (slow["by"], slow["createdAt"])
    of_ids = whendue("operations", "start", "cancel", "--id", "a", "--id", "b", "--limit", "1", "--yes").out
    named = dict(line.split(None, 1) for line in of_ids.splitlines())
    assert (named["progress"], named["filter"], named["limit"]) == ("1 of 1", "2 ids", "1")
    text = whendue("operations", "get", slow["id"]).out
    assert all(f"{title} " in text for title in ("progress", "rate", "filter", "by", "begun"))


def test_operations_of_one_state_are_listed(whendue: CommandLine) -> None:
    """Those that run, above all."""
    for _ in range(2):
        later(whendue)
    done = whendue("operations", "start", "cancel", "--id", "no-job", "--yes", "--json").json
    slow = whendue("operations", "start", "cancel", "--all", "--rate", "0.001", "--yes", "--json").json
    for state, operation in (("running", slow), ("finished", done)):
        [listed] = whendue("operations", "list", "--state", state, "--json").lines
        assert listed["id"] == operation["id"]


def test_a_dry_run_says_what_could_not_be_changed(whendue: CommandLine) -> None:
    """Beside what matches."""
    job = later(whendue)
    chosen = ["operations", "start", "cancel", "--id", job, "--id", "no-job"]
    assert whendue(*chosen, "--dry-run").out == "1 jobs match, and 1 cannot be changed\n"


def test_the_same_key_is_the_same_operation(whendue: CommandLine) -> None:
    """However often a script is run."""
    begin = ["operations", "start", "cancel", "--all", "--yes", "--json", "--idempotency-key", "night-7"]
    assert whendue(*begin).json["id"] == whendue(*begin).json["id"]
    assert whendue(*begin, "--limit", "3").code == 6


def test_an_undo_that_comes_too_late_for_a_job_says_so_by_its_code(whendue: CommandLine) -> None:
    """As a start with --wait does."""
    job = later(whendue)
    whendue("jobs", "cancel", job)
    redriven = whendue("operations", "start", "redrive", "--id", job, "--yes", "--json").json
    whendue.world.work()
    undone = whendue("operations", "undo", redriven["id"])
    assert undone.code == 1
    assert job in undone.out


def test_which_jobs_is_said_once(whendue: CommandLine) -> None:
    """In the words of the command line, before anything is asked of the API."""
    for options in ((), ("--id", "x", "--state", "dead"), ("--all", "--type", "ok")):
        done = whendue("operations", "start", "cancel", *options, "--dry-run")
        assert done.code == 2
        assert "give one of --id, --all and the options that select jobs" in done.err
