"""The page about the command line names every command, every code of a finding, and what each writes as JSON."""

import re
from pathlib import Path

from scripts.cli_page import EVERYWHERE, each_command
from tests.docs.pages import ROOT, text_of
from whendue.cli.failures import ExitCode

PAGE = text_of("docs/reference/cli.md")
COMMANDS = dict(each_command())
DOCTOR = [
    *(ROOT / "layers/core/python/whendue/cli/doctor").glob("*.py"),
    ROOT / "layers/core/python/whendue/cli/commands/doctor.py",
]


def section(title: str) -> str:
    return re.split(rf"^## {title}$", PAGE, flags=re.MULTILINE)[1].split("\n## ")[0]


def test_every_command_and_option_is_on_the_page() -> None:
    """The generated part is made from the same commands, and a test holds it; this one reads it as a user does."""
    headings = re.findall(r"^### whendue (.+)$", PAGE, re.MULTILINE)
    assert headings == list(COMMANDS)
    for name, command in COMMANDS.items():
        described = PAGE.split(f"\n### whendue {name}\n")[1].split("\n### ")[0]
        for parameter in command.params:
            for option in set(parameter.opts) - EVERYWHERE:
                assert not option.startswith("--") or f"`{option}" in described


def test_every_command_says_what_it_writes_as_json() -> None:
    """A program relies on it."""
    rows = re.findall(r"^\| (`.*?`) \|", section("Output"), re.MULTILINE)
    named: set[str] = set()
    for row in rows:
        group = ""
        for cell in re.findall(r"`([^`]+)`", row):
            words = cell.split()
            group = words[0] if len(words) > 1 else group
            named.add(cell if len(words) > 1 or cell in COMMANDS else f"{group} {cell}")
    assert named == set(COMMANDS)


def test_every_command_takes_json_and_a_profile_where_it_asks_a_deployment() -> None:
    """In the same words everywhere."""
    for name, command in COMMANDS.items():
        options = {option for parameter in command.params for option in parameter.opts}
        assert "--json" in options
        assert ("--profile" in options) != (name in ("build", "dev", "new", "terraform", "token", "schedules lint"))


def test_every_code_of_the_doctor_is_on_the_page() -> None:
    """A script looks for a code, a person for the page."""
    text = "".join(Path(path).read_text() for path in DOCTOR)
    found = set(re.findall(r'(?:fault|warning)\(\s*"\w+", "([a-z_]+)"', text))
    found |= set(re.findall(r'(?:fault|warning)\(name, "([a-z_]+)"', text))
    found |= {"table_missing", "queue_missing", "bucket_missing", "table_unavailable", "queues_unavailable"}
    found |= set(re.findall(r'fault\(check, "([a-z_]+)"', text)) | {"not_whendue", "unreachable"}
    rows = re.findall(r"^\| [a-zA-Z ]+ \| (`.*) \|$", section("Doctor"), re.MULTILINE)
    assert set(re.findall(r"`([a-z_]+)`", " ".join(rows))) == found


def test_every_exit_code_is_on_the_page() -> None:
    """In its table."""
    assert re.findall(r"^\| `(\d+)` \|", section("Exit codes"), re.MULTILINE) == [str(int(code)) for code in ExitCode]
