"""Mails in the dev stack: who may send them to whom, and that the emulator takes them."""

from typing import Any

import boto3
import pytest
from moto import mock_aws

from localstack import lifecycle, token
from localstack.deploy import mail
from localstack.deploy.clients import Clients
from whendue.declarations.resources import TaskSettings


class Moto(Clients):
    """Clients of a moto in this process."""

    def client(self, service: str) -> Any:
        """Make one."""
        return boto3.client(service, "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")  # type: ignore[call-overload]


def test_everyone_may_mail_to_everyone_and_invoke_nothing() -> None:
    """An emulator's mails reach nobody."""
    settings = TaskSettings.from_env(mail.SETTINGS)
    assert settings.may_mail_to("anyone", "user@example.com")
    assert settings.may_mail_from("anyone", "Ada <ada@example.org>")
    assert settings.email_from == "whendue@example.com"
    assert not settings.may_invoke("anyone", "f")


@pytest.mark.parametrize(
    ("asked", "verified"),
    [
        ({}, ["whendue@example.com"]),
        ({"WHENDUE_EMAIL_FROM": "Jobs <jobs@acme.example>"}, ["jobs@acme.example"]),
        (
            {"WHENDUE_EMAIL_SENDERS": '{"acme": ["acme.example", "a@x.org"], "*": ["*"]}'},
            ["a@x.org", "acme.example", "whendue@example.com"],
        ),
    ],
)
def test_the_emulator_takes_mails_of_the_senders_that_are_named(asked: dict[str, str], verified: list[str]) -> None:
    """It refuses others, as SES does; a second deploy finds them there."""
    with mock_aws():
        clients = Moto("http://127.0.0.1:1")
        for _ in range(2):
            mail.verify_senders(clients, mail.SETTINGS | asked)
        assert sorted(clients.client("ses").list_identities()["Identities"]) == verified


@pytest.mark.parametrize(
    "asked",
    [
        {"WHENDUE_LAMBDA_ALLOW": "report-*"},
        {"WHENDUE_EMAIL_RECIPIENTS": '{"a": ["*@a.b"]}'},
        {"WHENDUE_SECRET": "short"},
    ],
)
def test_settings_of_the_shell_that_no_function_would_start_with_are_refused(asked: dict[str, str]) -> None:
    """Before anything is deployed; an API that does not answer would not say why."""
    with pytest.raises(RuntimeError, match=f"^{next(iter(asked))}[ :]"):
        lifecycle._check({"WHENDUE_SECRET": "s" * 32} | asked)


@pytest.mark.parametrize(
    ("tenant", "scopes", "named"),
    [("a b", "jobs:read", "TENANT"), ("a", "jobs:reed", "jobs:reed"), ("a", "jobs:read,jobs:write", "with spaces")],
)
def test_a_token_that_no_api_would_take_is_not_made(tenant: str, scopes: str, named: str) -> None:
    """It would answer 401 or 403 later, and not say why."""
    assert named in (token.problem(tenant, scopes) or "")
    assert token.problem("acme", token.SCOPES) is None
