"""SES v1 in the shape of v2: the same mail arrives, and the same error ends or repeats a job."""

from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from localstack.deploy import ses as deployed
from localstack.deploy.clients import Clients
from whendue.adapters.ses import SesV1, sender
from whendue.declarations.context import Context
from whendue.declarations.registry import TASKS, GiveUp, Retry, discover
from whendue.declarations.resources import Resources
from whendue.errors import ConfigurationError

REGION = "us-east-1"
MAIL = {"to": ["ada@example.com"], "subject": "Hello", "text": "Hi", "from": "from@example.com"}


def ses() -> Any:
    config = Config(retries={"total_max_attempts": 1})
    return boto3.client("ses", REGION, aws_access_key_id="x", aws_secret_access_key="x", config=config)


@pytest.fixture
def send(provided: Resources, context: Callable[..., Context]) -> Callable[..., Any]:
    """Run the task `email`."""
    discover("whendue.tasks")
    return lambda **payload: TASKS.get("email").call(payload, context())


def test_a_mail_arrives_with_its_parts(send: Callable[..., Any], provided: Resources) -> None:
    """As by v2."""
    with mock_aws():
        provided.provide("sesv2", lambda: SesV1(ses()))
        ses().verify_email_identity(EmailAddress="from@example.com")
        result = send(**MAIL, cc=["c@example.com"], bcc=["b@example.com"], html="<p>Hi</p>")
        [sent] = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    assert result == {"messageId": sent.id}
    assert (sent.source, sent.subject) == ("from@example.com", "Hello")
    assert [sent.destinations[f"{kind}Addresses"] for kind in ("To", "Cc", "Bcc")] == [
        ["ada@example.com"],
        ["c@example.com"],
        ["b@example.com"],
    ]


@pytest.fixture
def stub(provided: Resources) -> Iterator[Stubber]:
    """Stand in for SES; botocore checks every parameter against SES's own model."""
    client = ses()
    provided.provide("sesv2", lambda: SesV1(client))
    with Stubber(client) as stub:
        yield stub


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("MessageRejected", GiveUp),
        ("MailFromDomainNotVerified", GiveUp),
        ("AccountSendingPausedException", GiveUp),
        ("InvalidParameterValue", GiveUp),
        ("AccessDenied", GiveUp),
        ("Throttling", Retry),
        ("InternalFailure", ClientError),
    ],
)
def test_an_error_means_what_it_means_by_v2(
    send: Callable[..., Any], stub: Stubber, code: str, outcome: type[Exception]
) -> None:
    """The two APIs name most of them differently."""
    stub.add_client_error("send_email", code)
    with pytest.raises(outcome):
        send(**MAIL)


def test_the_setting_chooses_the_api(monkeypatch: pytest.MonkeyPatch) -> None:
    """v2 unless told; anything else is a mistake to be seen."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    assert isinstance(sender({"WHENDUE_SES_API": "v1"}), SesV1)
    assert not isinstance(sender({}), SesV1)
    with pytest.raises(ConfigurationError, match="WHENDUE_SES_API"):
        sender({"WHENDUE_SES_API": "v3"})


class Emulator(Clients):
    """Clients whose calls are answered with these statuses, by service."""

    def __init__(self, statuses: dict[str, int]) -> None:
        self._statuses = statuses

    def client(self, service: str) -> Any:
        made = boto3.client(service, REGION, aws_access_key_id="x", aws_secret_access_key="x")  # type: ignore[call-overload]
        stubber = Stubber(made)
        operation = {"sesv2": "get_account", "ses": "get_send_quota"}[service]
        if self._statuses[service] == 200:
            stubber.add_response(operation, {})
        else:
            stubber.add_client_error(operation, http_status_code=self._statuses[service])
        stubber.activate()
        return made


@pytest.mark.parametrize(
    ("statuses", "variables", "said"),
    [
        ({"sesv2": 200}, {}, ""),
        ({"sesv2": 403}, {}, ""),
        ({"sesv2": 501, "ses": 200}, {"WHENDUE_SES_API": "v1"}, ""),
        ({"sesv2": 501, "ses": 501}, {"WHENDUE_SES_API": "v1"}, "no SES"),
    ],
)
def test_a_deploy_finds_out_which_ses_an_emulator_has(
    statuses: dict[str, int], variables: dict[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """LocalStack without a licence has v1 alone; one with neither is told at once, not by dead jobs."""
    assert deployed.variables(Emulator(statuses)) == variables
    assert said in capsys.readouterr().err
