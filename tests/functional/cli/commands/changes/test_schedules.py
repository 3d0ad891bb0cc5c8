"""The commands of `whendue schedules` that change a schedule or run its job, on the real API."""

from tests.functional.cli.command_line import CommandLine, put


def test_trigger_runs_the_job_with_another_payload(whendue: CommandLine) -> None:
    """Of this run alone."""
    put(whendue, "nightly", cron="30 2 * * *")
    done = whendue("schedules", "trigger", "nightly", "--payload", '{"n": 7}', "--tag", "by=hand", "--json")
    assert (done.code, done.json["schedule"], done.json["tags"]) == (0, "nightly", {"by": "hand"})
    assert whendue("jobs", "get", done.json["id"], "--json").json["payload"] == {"n": 7}
    assert whendue("schedules", "trigger", "nightly", "--priority", "low").code == 0
    assert whendue("schedules", "trigger", "nightly", "--reason", "a customer asked").code == 0
    assert "a customer asked" in whendue("schedules", "fires", "nightly").out
    assert whendue("schedules", "trigger", "none").code == 5
    assert whendue("schedules", "trigger", "nightly", "--payload", "{").code == 2


def test_what_get_writes_can_be_put_again(whendue: CommandLine) -> None:
    """And changes nothing; a file is a schedule to create, too."""
    put(whendue, "nightly", cron="30 2 * * *", max_runs=3)
    written = whendue("schedules", "get", "nightly", "--json")
    assert (written.json["remainingRuns"], written.json["state"]) == (3, "active")
    again = whendue("schedules", "put", "nightly", "-", "--json", stdin=written.out)
    assert (again.code, again.json) == (0, written.json)
    assert whendue("schedules", "put", "other", "-", stdin='{"every": "PT1H", "job": {"type": "ok"}}').code == 0
    assert whendue("schedules", "put", "other", "-", stdin='{"every": "PT0S", "job": {"type": "ok"}}').code == 4
    assert whendue("schedules", "put", "other", "-", stdin="[]").code == 2
    assert whendue("schedules", "delete", "other", "--json").json == {"name": "other", "deleted": True}
    assert whendue("schedules", "get", "other").code == 5


def test_pause_until_and_resume(whendue: CommandLine) -> None:
    """By a time or a duration."""
    put(whendue, "nightly", cron="30 2 * * *")
    paused = whendue("schedules", "pause", "nightly", "--reason", "upkeep", "--for", "1h", "--json").json
    assert (paused["state"], paused["paused"]["reason"]) == ("paused", "upkeep")
    until = paused["paused"]["until"]
    assert whendue("schedules", "pause", "nightly", "--until", until, "--json").json["etag"] == paused["etag"]
    assert until in whendue("schedules", "get", "nightly").out
    assert whendue("schedules", "resume", "nightly", "--json").json["state"] == "active"
    assert whendue("schedules", "pause", "nightly", "--until", "2001-01-01T00:00:00Z").code == 4
    assert whendue("schedules", "pause", "nightly", "--until", until, "--for", "1h").code == 2
