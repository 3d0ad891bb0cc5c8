"""The commands of `whendue schedules` that change a schedule or run its job, on the real API."""

from tests.functional.cli.command_line import CommandLine, put


def test_trigger_runs_the_job_with_another_payload(whendue: CommandLine) -> None:
    """Of this run alone."""
    put(whendue, "nightly", cron="30 2 * * *")
    done = whendue("schedules", "trigger", "nightly", "--payload", '{"n": 7}', "--tag", "by=hand", "--json")
    assert (done.code, done.json["schedule"], done.json["tags"]) == (0, "nightly", {"by": "hand"})
    assert whendue("jobs", "get", done.json["id"], "--json").json["payload"] == {"n": 7}
    assert whendue("schedules", "trigger", "nightly", "--priority", "low").code == 0
    assert whendue("schedules", "trigger", "none").code == 5
    assert whendue("schedules", "trigger", "nightly", "--payload", "{").code == 2
