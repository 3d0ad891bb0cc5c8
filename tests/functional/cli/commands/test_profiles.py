"""`whendue profiles` on the real API."""

from tests.functional.cli.command_line import CommandLine


def test_list_and_get(whendue: CommandLine) -> None:
    """Built-in ones have no version."""
    names = [profile["name"] for profile in whendue("profiles", "list", "--json").lines]
    assert "default" in names
    found = whendue("profiles", "get", "default", "--json").json
    assert (found["name"], found["builtIn"], found["version"]) == ("default", True, None)
    assert "built-in" in whendue("profiles", "get", "default").out
    assert whendue("profiles", "list").out.count("\n") == len(names) + 1


def test_what_is_not_there(whendue: CommandLine) -> None:
    """Neither the profile nor its version."""
    assert whendue("profiles", "get", "none").code == 5
    assert whendue("profiles", "get", "default", "--version", "7").code == 5
    assert whendue("profiles", "get", "default", "--version", "0").code == 2
