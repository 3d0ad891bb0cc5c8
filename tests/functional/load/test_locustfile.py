"""Locust's part of the load scripts, in its own process against servers that stand in for the API."""

import json
import ssl
from collections import Counter
from http.server import BaseHTTPRequestHandler
from itertools import count
from pathlib import Path

import pytest
import trustme

from localstack import venvs
from tests.builders.web import serving
from tests.load import __main__ as load
from tests.load.options import Options


@pytest.fixture(scope="module")
def locust() -> Path:
    """Make Locust's environment."""
    return venvs.ensure("load") / "locust"


@pytest.mark.thorough
def test_a_run_ends_when_it_has_its_jobs_and_notes_each_request(
    locust: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Long before its time: thirty seconds would give hundreds."""
    monkeypatch.setattr(load, "JOBS_MAX", 25)
    numbers = count()

    def reply(handler: BaseHTTPRequestHandler) -> None:
        body = json.dumps({"id": f"job-{next(numbers)}"}).encode()
        handler.send_response(202)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    with serving() as web:
        web.reply = reply
        notes = load.submit(locust, Options(web.url(""), "a-token", "mixed", 30, 5), tmp_path / "notes.jsonl")
    assert Counter(note["path"] for note in notes) == {"/jobs": 25, "/jobs/{id}/cancel": 2}
    assert len({job_id for note in notes for job_id in note["ids"]}) == 25
    assert {seen.headers["Authorization"] for seen in web.seen} == {"Bearer a-token"}


def test_a_token_goes_to_no_server_that_cannot_say_who_it_is(locust: Path, tmp_path: Path) -> None:
    """Locust trusts every certificate unless it is told otherwise. What was not answered is noted, too."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    with serving(tls) as web:
        notes = load.submit(locust, Options(web.url(""), "a-token", "burst", 2, 1), tmp_path / "notes.jsonl")
    assert {(note["status"], note["jobs"], len(note["ids"])) for note in notes} == {(0, 1, 0)}
    assert not web.seen
