"""`whendue jobs` on the real API."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.functional.cli.command_line import CommandLine


def submitted(whendue: CommandLine, *arguments: str) -> str:
    done = whendue("jobs", "submit", *arguments, "--json")
    assert done.code == 0, done.err
    return str(done.json["id"])


def test_submit_sends_every_option(whendue: CommandLine) -> None:
    """Each in the API's own words, and once with its key."""
    first = submitted(whendue, "ok", "--delay", "1h")
    given = ["ok", "--payload", '{"é": [1, null]}', "--delay", "15m", "--priority", "high", "--retries", "7"]
    given += ["--job-profile", "default", "--tag", "team=a=b", "--depends-on", first, "--idempotency-key", "k"]
    job_id = submitted(whendue, *given)
    job = whendue("jobs", "get", job_id, "--json").json
    assert job["payload"] == {"é": [1, None]}
    assert (job["priority"], job["maxAttempts"], job["tags"]) == ("high", 8, {"team": "a=b"})
    assert (job["state"], job["unmetDependencies"], job["result"]) == ("waiting", 1, None)
    assert submitted(whendue, *given) == job_id


def test_a_job_goes_to_the_queue_that_is_named(whendue: CommandLine) -> None:
    """Which queues there are, the API says; so it does of both options at once."""
    job_id = submitted(whendue, "ok", "--queue", "low")
    assert [job["id"] for job in whendue("jobs", "list", "--queue", "low", "--json").lines] == [job_id]
    assert "low" in whendue("jobs", "get", job_id).out
    assert whendue("jobs", "submit", "ok", "--queue", "none").err.startswith("whendue: unknown_queue: ")
    both = whendue("jobs", "submit", "ok", "--queue", "low", "--priority", "low")
    assert both.err.startswith("whendue: invalid_request: ")
    long = whendue("queues", "list", "--json").lines[0]
    assert (long["name"], long["timeoutSeconds"], long["weight"]) == ("critical", 897, 8)


def test_a_due_time_is_sent_with_its_offset(whendue: CommandLine) -> None:
    """Local time without one would mean another hour on another machine."""
    job_id = submitted(whendue, "ok", "--due-at", "2027-06-01T12:00:00+02:00")
    assert whendue("jobs", "get", job_id, "--json").json["dueAt"] == "2027-06-01T10:00:00Z"
    refused = whendue("jobs", "submit", "ok", "--due-at", "2027-06-01T12:00:00")
    assert (refused.code, refused.out) == (2, "")
    assert "--due-at" in refused.err


def test_an_expiry_is_a_duration_or_a_time(whendue: CommandLine) -> None:
    """Both are shown as the time that comes of it."""
    due = ("--due-at", "2027-06-01T12:00:00Z")
    for expires, said in (("15m", "2027-06-01T12:15:00Z"), ("2027-06-01T15:00:00+02:00", "2027-06-01T13:00:00Z")):
        job_id = submitted(whendue, "ok", *due, "--expires", expires)
        assert whendue("jobs", "get", job_id, "--json").json["expiresAt"] == said
        assert said[:16].replace("T", " ") in whendue("jobs", "list").out.replace("T", " ")
    refused = whendue("jobs", "submit", "ok", *due, "--expires", "2027-06-01T11:00:00Z")
    assert refused.err.startswith("whendue: invalid_expiry: ")


def test_a_unique_key_is_sent_with_its_scope_and_conflict(whendue: CommandLine) -> None:
    """In the API's own words; what belongs to a key needs one."""
    keyed = ("ok", "--delay", "1h", "--unique", "k")
    first = submitted(whendue, *keyed)
    assert submitted(whendue, *keyed) == first
    refused = whendue("jobs", "submit", *keyed, "--on-conflict", "reject")
    assert refused.err.startswith("whendue: unique_conflict: ")
    assert submitted(whendue, *keyed, "--on-conflict", "postpone", "--max-wait", "2h") != first
    assert whendue("jobs", "get", first, "--json").json["state"] == "cancelled"
    throttled = ("ok", "--unique", "l", "--unique-for", "10m")
    assert submitted(whendue, *throttled) == submitted(whendue, *throttled)
    assert whendue("jobs", "holder", "ok", "--unique", "none").code == 1
    assert "declares no unique key" in whendue("jobs", "holder", "ok").err
    assert "need --unique" in whendue("jobs", "submit", "ok", "--on-conflict", "reject").err


def test_the_payload_is_read_from_a_file_and_from_standard_input(whendue: CommandLine, tmp_path: Path) -> None:
    """A large one fits into no argument."""
    path = tmp_path / "payload.json"
    path.write_text('{"from": "file"}')
    for argument, said in ((f"@{path}", "file"), ("@-", "stdin")):
        job_id = str(
            whendue("jobs", "submit", "ok", "--payload", argument, "--json", stdin='{"from": "stdin"}').json["id"]
        )
        assert whendue("jobs", "get", job_id, "--json").json["payload"] == {"from": said}


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (["--payload", "{"], "--payload"),
        (["--payload", "@/no/such/file"], "/no/such/file"),
        (["--payload", "[" * 100_000], "--payload"),
        (["--delay", "soon"], "--delay"),
        (["--expires", "soon"], "--expires"),
        (["--expires", "2027-06-01T12:00:00"], "--expires"),
        (["--delay", "9" * 5000], "--delay"),
        (["--tag", "team"], "--tag"),
        (["--tag", "a=1", "--tag", "a=2"], "--tag"),
        (["--retries", "-1"], "--retries"),
        (["--priority", "urgent"], "--priority"),
        (["--idempotency-key", "a b"], "idempotency_key"),
    ],
)
def test_what_cannot_be_sent_is_named_before_anything_is(whendue: CommandLine, wrong: list[str], named: str) -> None:
    """Exit code 2: nothing was submitted."""
    done = whendue("jobs", "submit", "ok", *wrong)
    assert (done.code, done.out) == (2, "")
    assert named in done.err
    assert whendue("jobs", "list", "--json").lines == []


def test_what_the_api_refuses_has_its_code(whendue: CommandLine) -> None:
    """As docs/reference/api.md lists it."""
    done = whendue("jobs", "submit", "none")
    assert (done.code, done.out) == (4, "")
    assert done.err.startswith("whendue: unknown_task: ")


def test_watch_writes_each_change_and_ends_with_the_job(whendue: CommandLine) -> None:
    """One that succeeds with 0, one that is dead or cancelled with 1."""
    good, bad = submitted(whendue, "ok", "--delay", "2m"), submitted(whendue, "bad", "--retries", "0")
    done = whendue("jobs", "watch", good, "--json")
    states = [line["state"] for line in done.lines]
    assert (done.code, states[0], states[-1]) == (0, "scheduled", "succeeded")
    assert len(states) == len(set(states))
    done = whendue("jobs", "watch", bad)
    assert (done.code, done.out.split()[1]) == (1, "dead")


def test_submit_can_wait_for_the_end(whendue: CommandLine) -> None:
    """As `watch` does, in one command."""
    assert whendue("jobs", "submit", "ok", "--wait").code == 0
    done = whendue("jobs", "submit", "bad", "--retries", "0", "--wait", "--json")
    assert (done.code, done.lines[-1]["state"]) == (1, "dead")


def test_the_end_of_a_wait_shows_the_result(whendue: CommandLine) -> None:
    """It is what was waited for; one that is empty is left out, and of a large one it is said where it is."""
    whendue.world.task("large", lambda payload, ctx: "x" * 600_000)
    whendue.world.task("nothing", lambda payload, ctx: None)
    shown = whendue("jobs", "submit", "ok", "--payload", '{"n": 7}', "--wait").out.splitlines()
    assert shown[-1] == 'result: {"n": 7, "attempt": 1}'
    assert whendue("jobs", "watch", shown[0].split()[0]).out.splitlines()[-1] == shown[-1]
    assert whendue("jobs", "submit", "ok", "--wait", "--json").lines[-1]["result"] == {"attempt": 1}
    assert "result" not in whendue("jobs", "submit", "nothing", "--wait").out
    large = whendue("jobs", "submit", "large", "--wait").out.splitlines()[-1]
    assert re.fullmatch(r"result: 600002 bytes at /jobs/[0-9a-f-]+/result", large)
    assert large.partition(" ")[2] in whendue("jobs", "get", large.split("/")[-2]).out


def test_watch_ends_after_its_time(whendue: CommandLine) -> None:
    """The job goes on."""
    job_id = submitted(whendue, "ok", "--delay", "2h")
    done = whendue("jobs", "watch", job_id, "--timeout", "1m")
    assert (done.code, done.err.split()[1]) == (7, "not_ended:")
    assert whendue("jobs", "get", job_id, "--json").json["state"] == "scheduled"


def test_list_filters_and_is_bounded(whendue: CommandLine) -> None:
    """The limit is that of the list, over pages."""
    for number in range(3):
        submitted(whendue, "ok", "--delay", "1h", "--tag", f"n={number % 2}")
    assert len(whendue("jobs", "list", "--json").lines) == 3
    assert len(whendue("jobs", "list", "--limit", "2", "--json").lines) == 2
    assert len(whendue("jobs", "list", "--tag", "n=0", "--state", "scheduled", "--json").lines) == 2
    assert whendue("jobs", "list", "--type", "bad", "--json").lines == []
    listed = [line["id"] for line in whendue("jobs", "list", "--queue", "normal", "--json").lines]
    oldest = [line["id"] for line in whendue("jobs", "list", "--oldest-first", "--limit", "2", "--json").lines]
    assert oldest == listed[:0:-1]
    times = ("--created-after", "2020-01-01T00:00:00Z", "--created-before", "2099-01-01T00:00:00Z")
    assert len(whendue("jobs", "list", *times, "--json").lines) == 3
    assert whendue("jobs", "list", "--finished-after", "2020-01-01T00:00:00Z", "--json").lines == []
    assert whendue("jobs", "list", "--finished-before", "2099-01-01T00:00:00Z", "--json").lines == []
    assert whendue("jobs", "list", "--fingerprint", "none", "--json").lines == []
    assert whendue("jobs", "list", "--workflow", "0" * 36, "--json").lines == []
    assert "--finished-after" in whendue("jobs", "list", "--finished-after", "yesterday").err
    rows = [row.split("\t") for row in whendue("jobs", "list").out.splitlines()]
    assert rows[0][:3] == ["id", "type", "state"]
    assert [row[1:3] for row in rows[1:]] == [["ok", "scheduled"]] * 3


def test_cancel_explain_and_redrive(whendue: CommandLine) -> None:
    """What a person does with a job that is not wanted, and then is."""
    job_id = submitted(whendue, "ok", "--delay", "1h")
    assert "not_due: " in whendue("jobs", "explain", job_id).out
    assert whendue("jobs", "explain", job_id, "--json").json["reasons"][0]["code"] == "not_due"
    assert whendue("jobs", "cancel", job_id, "--json").json["state"] == "cancelled"
    assert whendue("jobs", "redrive", job_id, "--json").json["state"] in ("scheduled", "queued")
    assert whendue("jobs", "watch", job_id).code == 0
    done = whendue("jobs", "redrive", job_id)
    assert (done.code, done.out) == (6, "")


def test_logs_of_attempts(whendue: CommandLine) -> None:
    """The oldest first, each line below its attempt; none of a job that logs nothing."""

    def run(payload: Any, ctx: Any) -> None:
        ctx.log.warning("attempt %d\nhas \x1b[2J two lines", ctx.attempt)
        if ctx.attempt == 1:
            raise RuntimeError("once more")

    whendue.world.task("logs", run)
    job_id = submitted(whendue, "logs")
    assert whendue("jobs", "watch", job_id).code == 0
    first, line, more, second, *_ = whendue("jobs", "logs", job_id).out.splitlines()
    assert (first[:9], second[:9]) == ("attempt 1", "attempt 2")
    assert line.endswith(" WARNING whendue.task: attempt 1")
    assert (more.strip().startswith("has"), more.isprintable()) == (True, True)
    assert [log["attempt"] for log in whendue("jobs", "logs", job_id, "--json").lines] == [1, 2]
    assert [log["attempt"] for log in whendue("jobs", "logs", job_id, "--limit", "1", "--json").lines] == [2]
    assert [log["attempt"] for log in whendue("jobs", "logs", job_id, "--attempt", "1", "--json").lines] == [1]
    assert whendue("jobs", "logs", submitted(whendue, "ok")).out == ""


def test_logs_say_what_was_not_kept(whendue: CommandLine) -> None:
    """Between the first lines and the last ones."""

    def run(payload: Any, ctx: Any) -> None:
        for number in range(1000):
            ctx.log.info("line %d", number)

    whendue.world.task("chatty", run)
    job_id = submitted(whendue, "chatty")
    assert whendue("jobs", "watch", job_id).code == 0
    [log] = whendue("jobs", "logs", job_id, "--json").lines
    lines = whendue("jobs", "logs", job_id).out.splitlines()
    assert log["dropped"] > 0
    assert lines[1 + log["droppedAfter"]] == f"  ({log['dropped']} lines were not kept)"
    assert len(lines) == 2 + len(log["lines"])


@pytest.mark.parametrize("command", ["get", "watch", "cancel", "redrive", "explain", "logs"])
def test_a_job_that_is_not_there(whendue: CommandLine, command: str) -> None:
    """Exit code 5, and 2 for what can be no id of a path."""
    done = whendue("jobs", command, "none")
    assert (done.code, done.out) == (5, "")
    assert done.err.startswith("whendue: job_not_found: ")
    assert whendue("jobs", command, "..").code == 2


def test_a_job_sends_no_command_to_the_terminal(whendue: CommandLine) -> None:
    """Whoever submits a job must not clear the screen of its operator, or forge a line."""
    evil = "\x1b[2J\x9b\u202egone\nid\tforged"
    whendue.world.task("evil", lambda *_: evil)
    job_id = submitted(whendue, "evil")
    assert whendue("jobs", "watch", job_id).code == 0
    assert whendue("jobs", "get", job_id, "--json").json["result"] == evil
    out = whendue("jobs", "get", job_id).out
    assert "gone" in out
    assert all(line.isprintable() for line in out.splitlines())
    assert "\nid\tforged" not in out


def test_what_a_submit_met_and_how_long_a_job_may_wait_is_shown(whendue: CommandLine) -> None:
    """Not in JSON alone: a person would take the other's job for a new one, and the payload for the one that runs."""
    sent = ("jobs", "submit", "ok", "--unique", "k", "--delay", "1h", "--expires", "2h")
    first, second = whendue(*sent).out, whendue(*sent).out
    assert re.search(r"unique +running, held\n", first)
    assert re.search(r"expires +2", first)
    assert "outcome" not in first
    assert re.search(r"outcome +returned\n", second)
