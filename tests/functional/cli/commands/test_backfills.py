"""The commands of `whendue schedules` about backfills, on the real API."""

from tests.functional.cli.command_line import CommandLine, put


def test_a_backfill_is_begun_listed_and_stopped(whendue: CommandLine) -> None:
    """Each command writes it as it is then."""
    put(whendue, "often", cron="* * * * *")
    window = ["--from", "2021-01-01T00:00:00Z", "--to", "2021-01-02T00:00:00Z"]
    begun = whendue("schedules", "backfill", "often", *window, "--json").json
    assert (begun["state"], begun["createdJobs"]) == ("running", 100)
    states = [
        whendue("schedules", f"backfill-{verb}", "often", begun["id"], "--json").json["state"]
        for verb in ("pause", "resume", "cancel")
    ]
    assert states == ["paused", "running", "cancelled"]
    [listed] = whendue("schedules", "backfills", "often", "--json").lines
    assert (listed["id"], listed["state"]) == (begun["id"], "cancelled")
    assert begun["id"] in whendue("schedules", "backfills", "often").out
    assert whendue("schedules", "backfill-resume", "often", begun["id"]).code == 6
    assert whendue("schedules", "backfill-cancel", "often", "none").code == 5
    assert whendue("schedules", "backfill", "often", "--from", "yesterday", "--to", "today").code == 2
