"""`whendue queues` on the real API."""

from tests.builders.api import a_token
from tests.functional.cli.command_line import CommandLine


def test_list_pause_and_resume(whendue: CommandLine) -> None:
    """The reason is seen by whoever finds it paused."""
    done = whendue("queues", "pause", "low", "--reason", "the shop is down", "--for", "2h", "--json")
    assert (done.code, done.json["reason"]) == (0, "the shop is down")
    queues = {queue["name"]: queue for queue in whendue("queues", "list", "--json").lines}
    assert set(queues) == {"critical", "high", "normal", "low", "notifications"}
    assert queues["low"]["paused"]["expiresAt"] == done.json["expiresAt"]
    assert (queues["low"]["depth"], queues["high"]["paused"]) == (0, None)
    assert "the shop is down" in whendue("queues", "list").out
    assert whendue("queues", "resume", "low", "--json").json == {"name": "low", "paused": None}
    assert whendue("queues", "resume", "low").code == 0
    assert "the shop is down" not in whendue("queues", "list").out


def test_a_pause_needs_a_reason_and_a_queue(whendue: CommandLine) -> None:
    """And the scope of an operator."""
    assert whendue("queues", "pause", "low").code == 2
    assert whendue("queues", "pause", "low", "--reason", "x", "--for", "soon").code == 2
    unknown = whendue("queues", "pause", "urgent", "--reason", "x")
    assert (unknown.code, unknown.out) == (5, "")
    refused = whendue("queues", "pause", "low", "--reason", "x", WHENDUE_TOKEN=a_token(scopes="jobs:read"))
    assert (refused.code, refused.out) == (4, "")
    assert refused.err.startswith("whendue: forbidden: ")
