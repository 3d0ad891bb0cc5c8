"""Which deployment a command talks to, and that a token goes nowhere else."""

from pathlib import Path

import pytest

from tests.builders.api import a_token
from tests.functional.cli.command_line import CommandLine, Ended

TOKEN = "a-token-that-nobody-may-see"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "whendue/config.toml"
    made.parent.mkdir()
    return made


def listed(whendue: CommandLine, path: Path, config: str, *arguments: str, **environ: str | None) -> Ended:
    path.write_text(config)
    path.chmod(0o600)
    given: dict[str, str | None] = {"WHENDUE_URL": None, "WHENDUE_TOKEN": None}
    return whendue("jobs", "list", "--json", *arguments, **given | environ)


def test_a_profile_is_named_or_the_default(whendue: CommandLine, path: Path) -> None:
    """By an option, a variable, `default`, or by being the only one."""
    url = whendue.environ["WHENDUE_URL"]
    good = f'[profiles.good]\nurl = "{url}"\ntoken = "{a_token()}"\n'
    bad = '[profiles.bad]\nurl = "http://127.0.0.1:1"\ntoken = "x"\n'
    assert listed(whendue, path, good).code == 0
    assert listed(whendue, path, good + bad, "--profile", "good").code == 0
    assert listed(whendue, path, good + bad, WHENDUE_PROFILE="good").code == 0
    assert listed(whendue, path, f'default = "good"\n{good}{bad}').code == 0
    assert listed(whendue, path, good + bad).code == 2
    unknown = listed(whendue, path, good + bad, "--profile", "other")
    assert (unknown.code, "bad, good" in unknown.err) == (2, True)
    assert listed(whendue, path, good + bad, "--profile", "bad").code == 3


def test_the_environment_wins_and_a_token_stays_with_its_url(whendue: CommandLine, path: Path) -> None:
    """The token of one deployment is never sent to another one."""
    url, other = whendue.environ["WHENDUE_URL"], "http://127.0.0.1:1"
    config = f'[profiles.dev]\nurl = "{other}"\ntoken = "{TOKEN}"\n'
    assert listed(whendue, path, config, WHENDUE_URL=url, WHENDUE_TOKEN=a_token()).code == 0
    done = listed(whendue, path, config, WHENDUE_URL=url)
    assert (done.code, "WHENDUE_TOKEN" in done.err) == (2, True)
    named = listed(whendue, path, config, "--profile", "dev", WHENDUE_URL=url, WHENDUE_TOKEN=a_token())
    assert (named.code, "profile dev is not used" in named.err) == (0, True)
    own = f'[profiles.dev]\nurl = "{url}"\ntoken = "{TOKEN}"\n'
    assert listed(whendue, path, own, WHENDUE_TOKEN=a_token()).code == 0
    assert listed(whendue, path, own).code == 4


def test_a_token_file_is_beside_the_configuration_and_its_owners_alone(whendue: CommandLine, path: Path) -> None:
    """As the configuration that holds a token itself."""
    url = whendue.environ["WHENDUE_URL"]
    token = path.parent / "dev.token"
    token.write_text(a_token())
    token.chmod(0o600)
    config = f'[profiles.dev]\nurl = "{url}"\ntoken_file = "dev.token"\n'
    assert listed(whendue, path, config).code == 0
    token.chmod(0o644)
    done = listed(whendue, path, config)
    assert (done.code, f"chmod 600 {token}" in done.err) == (2, True)
    token.unlink()
    assert listed(whendue, path, config).code == 2


@pytest.mark.parametrize(
    "config",
    [
        "",
        "[",
        "profiles = 3",
        "[profiles]\nx = 3",
        f'[profiles.x]\ntoken = "{TOKEN}"',
        f'[profiles.x]\nurl = "http://127.0.0.1:1"\ntoken = "{TOKEN}"\nother = 1',
        f'[profiles.x]\nurl = "http://127.0.0.1:1"\ntoken = ["{TOKEN}"]',
        f'[profiles.x]\nurl = "http://example.com"\ntoken = "{TOKEN}"',
        f'[profiles.x]\nurl = "no url"\ntoken = "{TOKEN}"',
        '[profiles.x]\nurl = "http://127.0.0.1:1"\ntoken = "no header é"',
        '[profiles.x]\nurl = "http://127.0.0.1:1"',
        f'[profiles.x]\nurl = "http://127.0.0.1:1"\ntoken = "{TOKEN}"\ntoken_file = "x"',
        f'[profiles.x]\nurl = "http://127.0.0.1:1"\ntoken = "{TOKEN}',
    ],
)
def test_a_file_that_is_not_valid_is_named(whendue: CommandLine, path: Path, config: str) -> None:
    """The place in it, and no token."""
    done = listed(whendue, path, config)
    assert (done.code, done.out) == (2, "")
    assert TOKEN not in done.err
    assert len(done.err.splitlines()) == 1


def test_two_tokens_are_one_too_many(whendue: CommandLine) -> None:
    """It is not guessed which is meant."""
    assert whendue("jobs", "list", WHENDUE_TOKEN_FILE="/no/such/file").code == 2
    missing = whendue("jobs", "list", WHENDUE_TOKEN=None, WHENDUE_TOKEN_FILE="/no/such/file")
    assert (missing.code, "no_token" in missing.err) == (4, True)
