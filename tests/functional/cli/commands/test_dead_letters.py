"""`whendue dead-letters` on the real API."""

import json
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler

import pytest

from tests.builders import web
from tests.functional.cli.command_line import CommandLine, ended
from whendue.cli.commands import dead_letters


@pytest.fixture
def dead(whendue: CommandLine) -> CommandLine:
    """Three dead jobs of one error."""
    for _ in range(3):
        assert whendue("jobs", "submit", "bad", "--retries", "0", "--wait").code == 1
    return whendue


def test_list_groups_by_error(dead: CommandLine) -> None:
    """The fingerprint is what `redrive` takes."""
    [group] = dead("dead-letters", "list", "--json").lines
    assert (group["count"], group["types"]) == (3, ["bad"])
    [_, row] = dead("dead-letters", "list").out.splitlines()
    assert row.split("\t")[:2] == [group["fingerprint"], "3"]
    assert dead("dead-letters", "list", "--type", "ok", "--json").lines == []


def test_operators_list_those_of_all_tenants(dead: CommandLine) -> None:
    """A line for each tenant, or a row for each of their groups."""
    [tenant] = dead("dead-letters", "list", "--all-tenants", "--json").lines
    assert (tenant["tenant"], tenant["jobs"], tenant["groups"][0]["count"]) == ("acme", 3, 3)
    [titles, row] = dead("dead-letters", "list", "--all-tenants").out.splitlines()
    assert titles.split("\t")[:2] == ["tenant", "fingerprint"]
    assert row.split("\t")[:3] == ["acme", tenant["groups"][0]["fingerprint"], "3"]
    assert dead("dead-letters", "list", "--all-tenants", "--type", "ok", "--json").lines == []
    by_error = ("dead-letters", "list", "--fingerprint", tenant["groups"][0]["fingerprint"])
    assert dead(*by_error, "--all-tenants", "--json").lines == [tenant]
    assert dead(*by_error).code == 2


def test_a_dry_run_changes_nothing(dead: CommandLine) -> None:
    """It counts."""
    done = dead("dead-letters", "redrive", "--dry-run", "--json")
    assert (done.code, done.json["matched"], done.json["redriven"]) == (0, 3, [])
    assert dead("dead-letters", "list", "--json").lines[0]["count"] == 3


def test_redrive_needs_a_yes(dead: CommandLine) -> None:
    """In a script the option, at a terminal an answer."""
    done = dead("dead-letters", "redrive")
    assert (done.code, done.out) == (2, "")
    assert "--yes" in done.err
    assert dead("dead-letters", "list", "--json").lines[0]["count"] == 3


def test_redrive_runs_all_in_several_requests(dead: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sum is that of all."""
    monkeypatch.setattr(dead_letters, "AT_ONCE", 1)
    [group] = dead("dead-letters", "list", "--json").lines
    done = dead("dead-letters", "redrive", "--fingerprint", group["fingerprint"], "--yes", "--json")
    assert (done.code, done.json["matched"], len(done.json["redriven"])) == (0, 3, 3)
    assert dead("dead-letters", "list", "--json").lines == []
    assert dead("dead-letters", "redrive", "--json").json["matched"] == 0


RESULT = {"matched": 2, "redriven": [], "failed": [], "dryRun": True, "cursor": None, "missing": None}
RESULT |= {"operationId": None}
REFUSED = {"id": "b", "problem": {"status": 409, "code": "too_old", "detail": "the job is too old"}}


def answers(*replies: tuple[int, object]) -> Callable[[BaseHTTPRequestHandler], None]:
    """Answer with these one after another."""
    left = iter(replies)

    def reply(handler: BaseHTTPRequestHandler) -> None:
        status, body = next(left)
        content = json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("Content-Type", "application/json" if status == 200 else "application/problem+json")
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    return reply


def test_a_job_that_cannot_be_redriven_is_named() -> None:
    """With exit code 1; the others run."""
    done = RESULT | {"redriven": ["a"], "failed": [REFUSED], "dryRun": False}
    with web.serving() as api:
        api.reply = answers((200, RESULT), (200, done))
        found = ended("dead-letters", "redrive", "--yes", WHENDUE_URL=api.url(""), WHENDUE_TOKEN="t")
    assert found.code == 1
    assert found.out == "1 jobs run again, 1 failed\nb: too_old: the job is too old\n"


def test_an_error_in_the_middle_says_how_many_run() -> None:
    """Those that run again are dead no more, so the command can be repeated."""
    part = RESULT | {"redriven": ["a"], "dryRun": False, "cursor": "next"}
    with web.serving() as api:
        api.reply = answers((200, RESULT), (200, part), (403, {"status": 403, "code": "forbidden", "detail": "no"}))
        found = ended("dead-letters", "redrive", "--yes", WHENDUE_URL=api.url(""), WHENDUE_TOKEN="t")
    assert (found.code, found.out) == (4, "")
    assert found.err.splitlines() == [
        "whendue: 1 jobs run again; run the command again for the others",
        "whendue: forbidden: no",
    ]
