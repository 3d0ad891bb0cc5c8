"""`whendue pauses` on the real API."""

from tests.functional.cli.command_line import CommandLine


def test_a_type_is_paused_and_resumed(whendue: CommandLine) -> None:
    """What the runbooks need at night, in one line."""
    made = whendue("pauses", "pause", "--type", "ok", "--reason", "a broken deploy", "--for", "2h", "--json").json
    assert (made["type"], made["reason"]) == ("ok", "a broken deploy")
    assert made["expiresAt"]
    [listed] = whendue("pauses", "list", "--json").lines
    assert listed == made
    assert "a broken deploy" in whendue("pauses", "list").out
    assert whendue("pauses", "resume", "--type", "ok", "--json").json == {"type": "ok", "paused": None}
    assert whendue("pauses", "list", "--json").lines == []


def test_the_tenant_is_paused_and_resumed(whendue: CommandLine) -> None:
    """All of its jobs; without an end of its own."""
    assert whendue("pauses", "pause", "--reason", "upkeep", "--json").json["expiresAt"] is None
    assert "all" in whendue("pauses", "list").out
    assert whendue("pauses", "resume").out == "the tenant is resumed\n"


def test_what_is_refused(whendue: CommandLine) -> None:
    """A duration that is none, and a type that nobody has."""
    assert whendue("pauses", "pause", "--reason", "x", "--for", "soon").code == 2
    assert whendue("pauses", "pause", "--reason", "x", "--type", "none").code != 0
