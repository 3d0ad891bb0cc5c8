"""`whendue token`: signed with the key of a stack on this machine."""

from pathlib import Path

from localstack.token import secret
from tests.builders.api import SECRET
from tests.functional.cli.command_line import CommandLine, ended


def test_the_api_accepts_it(whendue: CommandLine) -> None:
    """For the tenant and with the scopes that it names."""
    made = whendue("token", "--tenant", "acme", "--scopes", "jobs:read", WHENDUE_JWT_SECRET=SECRET)
    token = made.out.strip()
    assert whendue("jobs", "list", WHENDUE_TOKEN=token).code == 0
    assert whendue("jobs", "submit", "ok", WHENDUE_TOKEN=token).code == 4
    whole = whendue("token", "--json", WHENDUE_JWT_SECRET=SECRET).json
    assert set(whole) == {"token", "expiresAt"}


def test_histories_name_its_subject(whendue: CommandLine) -> None:
    """So that those who share a tenant can be told apart."""
    job = whendue("jobs", "submit", "ok", "--delay", "1h", "--json").json["id"]
    of_ada = whendue("token", "--tenant", "acme", "--subject", "ada@shop", WHENDUE_JWT_SECRET=SECRET).out.strip()
    assert whendue("jobs", "cancel", job, WHENDUE_TOKEN=of_ada).code == 0
    events = {event["type"]: event["by"] for event in whendue("jobs", "history", job, "--json").lines}
    assert events["cancelled"] == "ada@shop"


def test_the_key_is_that_of_the_checkout(tmp_path: Path) -> None:
    """Its file must be its owner's alone."""
    path = tmp_path / "key"
    secret(path)
    arguments = ("token", "--key-file", str(path))
    assert ended(*arguments, WHENDUE_JWT_SECRET=None).code == 0
    path.chmod(0o644)
    refused = ended(*arguments, WHENDUE_JWT_SECRET=None)
    assert (refused.code, refused.out) == (2, "")
    assert "chmod 600" in refused.err
    assert path.read_text() not in refused.err


def test_what_signs_nothing(tmp_path: Path) -> None:
    """No key, a short one, a tenant or a scope that there is not."""
    assert ended("token", "--key-file", str(tmp_path / "none"), WHENDUE_JWT_SECRET=None).code == 2
    assert ended("token", WHENDUE_JWT_SECRET="short").code == 2
    assert ended("token", WHENDUE_JWT_SECRET=" \n").code == 2
    for wrong in (["--tenant", "a b"], ["--scopes", "all"], ["--subject", "a\nb"]):
        done = ended("token", *wrong, WHENDUE_JWT_SECRET=SECRET)
        assert (done.code, done.out) == (2, "")
        assert wrong[0] in done.err
