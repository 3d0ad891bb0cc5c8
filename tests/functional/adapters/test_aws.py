"""The secrets of tokens and of the deployment come from the parameter store, as SecureString, by the real client."""

import pytest
from botocore.validate import ParamValidationDecorator
from moto import mock_aws

from localstack import token
from tests.builders.environment import ENVIRONMENT
from whendue.adapters.auth import AuthSettings
from whendue.adapters.aws import client, parameter
from whendue.errors import ConfigurationError
from whendue.settings import Settings
from whendue.support.secret import Secret

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


def test_the_deployments_secret_is_read_in_clear() -> None:
    """What is encrypted differs from read to read, and so would all ids."""
    named = ENVIRONMENT | {"WHENDUE_SECRET_PARAMETER": "/whendue/secret"}
    with mock_aws():
        client("ssm").put_parameter(Name="/whendue/secret", Value=SECRET, Type="SecureString")
        assert Settings.from_env(named, parameter).secret == Secret((SECRET,))


def test_a_parameter_that_is_not_there_is_named() -> None:
    """A process that cannot have its secret does not start, and says why."""
    named = ENVIRONMENT | {"WHENDUE_SECRET_PARAMETER": "/whendue/secret"}
    with mock_aws(), pytest.raises(ConfigurationError, match="/whendue/secret cannot be read: ParameterNotFound"):
        Settings.from_env(named, parameter)


def test_calls_to_table_and_queues_are_not_checked_twice_and_keep_their_connections() -> None:
    """The adapters check them; what users' tasks call is checked by botocore."""
    services = ("dynamodb", "sqs", "sns", "lambda")
    checked = [service for service in services if isinstance(client(service)._serializer, ParamValidationDecorator)]
    assert checked == ["sns", "lambda"]
    config = client("sqs", max_pool_connections=58).meta.config
    assert (config.max_pool_connections, config.tcp_keepalive) == (58, True)
