"""The secret of tokens is read from the parameter store, as SecureString, by the real client."""

import pytest
from moto import mock_aws

from localstack import token
from whendue.adapters.auth import AuthSettings
from whendue.adapters.aws import client

SECRET = "s" * 40


@pytest.fixture(autouse=True)
def somewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")


def test_an_encrypted_parameter_is_read_in_clear() -> None:
    """Encrypted text would be a secret, too, and verify no token."""
    named = token.environment("") | {"WHENDUE_JWT_SECRET_PARAMETER": "/whendue/jwt-secret"}
    with mock_aws():
        client("ssm").put_parameter(Name="/whendue/jwt-secret", Value=SECRET, Type="SecureString")
        assert AuthSettings.from_env(named).secret == SECRET
