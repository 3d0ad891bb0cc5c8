"""The tasks `email` and `lambda` against moto's SES and botocore's own errors."""

import io
import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.response import StreamingBody
from botocore.stub import Stubber
from moto import mock_aws
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from tests.builders.task_fixtures import JOB_ID
from whendue import task_quotas as limits
from whendue.declarations.context import Context
from whendue.declarations.registry import TASKS, GiveUp, Retry, discover
from whendue.declarations.resources import Resources, TaskSettings
from whendue.errors import ConfigurationError, NotAllowedError
from whendue.tasks.lambda_ import FunctionFailedError

Run = Callable[..., Any]
MAIL = {"to": ["ada@example.com"], "subject": "Hello", "text": "Hi"}
REGION = "eu-west-1"


def client(service: Literal["sesv2", "lambda"]) -> Any:
    return boto3.client(
        service, region_name=REGION, aws_access_key_id="x", aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )  # fmt: skip


@pytest.fixture
def run(provided: Resources, context: Callable[..., Context]) -> Run:
    """Run a task on a payload, as the worker does."""
    discover("whendue.tasks")
    return lambda task, **payload: TASKS.get(task).call(payload, context())


@pytest.fixture
def ses(provided: Resources) -> Iterator[Stubber]:
    """Stand in for SES; botocore checks every parameter against SES's own model."""
    sesv2 = client("sesv2")
    provided.provide("sesv2", lambda: sesv2)
    with Stubber(sesv2) as stub:
        yield stub


@pytest.fixture
def functions(provided: Resources) -> Iterator[Stubber]:
    """Stand in for Lambda, likewise."""
    functions = client("lambda")
    provided.provide("lambda", lambda: functions)
    with Stubber(functions) as stub:
        yield stub


def answer(value: bytes, **more: Any) -> dict[str, Any]:
    return {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(value), len(value)), **more}


def test_a_mail_arrives_with_its_parts(run: Run, provided: Resources) -> None:
    """What was asked for is what SES got, from the operator's sender where the job names none."""
    with mock_aws():
        provided.provide("sesv2", lambda: client("sesv2"))
        client("sesv2").create_email_identity(EmailIdentity="from@example.com")
        result = run("email", **MAIL, cc=["Zoë <zoe@example.com>"], bcc=["b@example.com"], html="<p>Hi</p>")
        [sent] = ses_backends[DEFAULT_ACCOUNT_ID][REGION].sent_messages
    assert result == {"messageId": sent.id}
    assert (sent.source, sent.subject) == ("from@example.com", "Hello")
    assert sent.destinations["ToAddresses"] == ["ada@example.com"]
    assert sent.destinations["CcAddresses"] == ["=?utf-8?q?Zo=C3=AB?= <zoe@example.com>"]
    assert sent.destinations["BccAddresses"] == ["b@example.com"]


def test_a_mail_is_tagged_with_its_job_and_has_both_bodies(run: Run, ses: Stubber) -> None:
    """Bounces and complaints can be traced back to the job; readers choose between text and HTML."""
    part = {"Charset": "UTF-8"}
    ses.add_response(
        "send_email",
        {"MessageId": "m-1"},
        {
            "FromEmailAddress": "Ada <ada@example.com>",
            "Destination": {"ToAddresses": ["ada@example.com"], "CcAddresses": [], "BccAddresses": []},
            "ReplyToAddresses": ["help@example.com"],
            "Content": {
                "Simple": {
                    "Subject": {"Data": "Hello ☀", **part},
                    "Body": {"Text": {"Data": "Hi\nyou", **part}, "Html": {"Data": "<p>", **part}},
                }
            },
            "EmailTags": [{"Name": "whendue-job", "Value": JOB_ID}],
        },
    )
    extra = {"from": "Ada <ada@example.com>", "replyTo": ["help@example.com"], "html": "<p>", "text": "Hi\nyou"}
    assert run("email", **{**MAIL, **extra, "subject": "Hello ☀"}) == {"messageId": "m-1"}
    ses.assert_no_pending_responses()


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("MessageRejected", GiveUp),
        ("BadRequestException", GiveUp),
        ("AccountSuspendedException", GiveUp),
        ("MailFromDomainNotVerifiedException", GiveUp),
        ("AccessDeniedException", GiveUp),
        ("TooManyRequestsException", Retry),
        ("ThrottlingException", Retry),
        ("LimitExceededException", Retry),
        ("SendingPausedException", ClientError),
        ("InternalServerError", ClientError),
    ],
)
def test_what_ses_says_decides_whether_another_attempt_can_help(
    run: Run, ses: Stubber, code: str, outcome: type[Exception]
) -> None:
    """What SES refuses for good is not tried again; being too fast is not a failure of the mail."""
    ses.add_client_error("send_email", code, "about ada@example.com")
    with pytest.raises(outcome, match=code) as caught:
        run("email", **MAIL)
    if outcome is not ClientError:
        assert "ada@example.com" not in str(caught.value)


def test_the_briefs_mail_has_an_empty_text(run: Run, ses: Stubber) -> None:
    """One address, a subject, and nothing else: to the letter."""
    part = {"Charset": "UTF-8"}
    expected = {
        "FromEmailAddress": "from@example.com",
        "Destination": {"ToAddresses": ["user@example.com"], "CcAddresses": [], "BccAddresses": []},
        "ReplyToAddresses": [],
        "Content": {"Simple": {"Subject": {"Data": "Hello", **part}, "Body": {"Text": {"Data": "", **part}}}},
        "EmailTags": [{"Name": "whendue-job", "Value": JOB_ID}],
    }
    ses.add_response("send_email", {"MessageId": "m-1"}, expected)
    assert run("email", to="user@example.com", subject="Hello") == {"messageId": "m-1"}
    ses.assert_no_pending_responses()


def test_a_mail_without_a_sender_is_refused(run: Run, ses: Stubber, provided: Resources) -> None:
    """No attempt finds one; the message says where to put it."""
    provided.provide("settings", lambda: TaskSettings(email_recipients={"*": ("*",)}))
    with pytest.raises(NotAllowedError, match="WHENDUE_EMAIL_FROM"):
        run("email", **MAIL)


@pytest.mark.parametrize(
    ("wanted", "location", "setting"),
    [
        ({"to": "eve@evil.example"}, "to.0", "WHENDUE_EMAIL_RECIPIENTS"),
        ({"cc": ["b@example.com", "eve@evil.example"]}, "cc.1", "WHENDUE_EMAIL_RECIPIENTS"),
        ({"bcc": "Ada <eve@evil.example>"}, "bcc.0", "WHENDUE_EMAIL_RECIPIENTS"),
        ({"from": "ceo@other.example"}, "from", "WHENDUE_EMAIL_SENDERS"),
    ],
)
def test_no_mail_leaves_that_the_operator_does_not_allow_to_the_tenant(
    run: Run, ses: Stubber, wanted: dict[str, Any], location: str, setting: str
) -> None:
    """At each attempt: what was allowed at submit may be forbidden since. SES is not asked."""
    with pytest.raises(NotAllowedError, match=setting) as caught:
        run("email", **{**MAIL, **wanted})
    places: Any = caught.value.details["errors"]
    assert [error["where"] for error in places] == [location]
    assert "evil" not in str(places) + str(caught.value)


@pytest.mark.parametrize("task", ["email", "lambda"])
def test_what_one_tenant_may_another_may_not(
    task: str, ses: Stubber, functions: Stubber, context: Callable[..., Context]
) -> None:
    """Senders and recipients that are one tenant's, and its functions."""
    discover("whendue.tasks")
    payload: dict[str, Any] = MAIL if task == "email" else {"functionName": "allowed-f"}
    with pytest.raises(NotAllowedError):
        TASKS.get(task).call(payload, context(tenant="other"))
    definition = TASKS.get(task)
    assert NotAllowedError in definition.never_retry
    with pytest.raises(NotAllowedError):
        definition.parse(payload, "other")
    definition.parse(payload, "acme")


def test_a_process_without_an_ses_client_says_so(run: Run) -> None:
    """Someone's composition root forgot it."""
    with pytest.raises(ConfigurationError, match="sesv2"):
        run("email", **MAIL)


@pytest.mark.parametrize(
    ("raw", "kept", "cut"),
    [
        (b'{"total": 3}', {"total": 3}, False),
        (b"null", None, False),
        (b"not json", "not json", False),
        (b"1" * (limits.ANSWER_BODY_BYTES + 1), "1" * limits.ANSWER_BODY_BYTES, True),
    ],
)
def test_an_invocation_gives_the_functions_answer(
    run: Run, functions: Stubber, raw: bytes, kept: Any, cut: bool
) -> None:
    """The answer is stored: JSON where it is JSON, cut where it is too long."""
    expected = {
        "FunctionName": "allowed-f",
        "InvocationType": "RequestResponse",
        "Payload": json.dumps({"a": 1}).encode(),
        "Qualifier": "PROD",
    }
    functions.add_response("invoke", answer(raw, ExecutedVersion="7"), expected)
    result = run("lambda", functionName="allowed-f", payload={"a": 1}, qualifier="PROD")
    assert result == {"statusCode": 200, "executedVersion": "7", "payload": kept, "truncated": cut}


def test_an_event_is_handed_over(run: Run, functions: Stubber) -> None:
    """The function runs later; there is no answer to keep."""
    functions.add_response("invoke", {**answer(b""), "StatusCode": 202})
    result = run("lambda", functionName="allowed-f", invocationType="Event")
    assert (result["statusCode"], result["payload"]) == (202, None)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b'{"errorType": "KeyError", "errorMessage": "\'id\'", "stackTrace": ["x"]}', "^KeyError: 'id'$"),
        (b'"broken"', "^the function failed$"),
        (b"", "^the function failed$"),
    ],
)
def test_a_function_that_raised_is_a_failed_attempt_with_its_error(
    run: Run, functions: Stubber, raw: bytes, said: str
) -> None:
    """Lambda answers 200 for it; we must not call that a success."""
    functions.add_response("invoke", answer(raw, FunctionError="Unhandled"))
    with pytest.raises(FunctionFailedError, match=said):
        run("lambda", functionName="allowed-f")


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        ("ResourceNotFoundException", GiveUp),
        ("AccessDeniedException", GiveUp),
        ("InvalidRequestContentException", GiveUp),
        ("RequestTooLargeException", GiveUp),
        ("TooManyRequestsException", Retry),
        ("EC2ThrottledException", Retry),
        ("ServiceException", ClientError),
    ],
)
def test_what_lambda_says_decides_whether_another_attempt_can_help(
    run: Run, functions: Stubber, code: str, outcome: type[Exception]
) -> None:
    """A function that is not there does not appear by asking again."""
    functions.add_client_error("invoke", code)
    with pytest.raises(outcome, match=code):
        run("lambda", functionName="allowed-f")


@pytest.mark.parametrize(
    ("pattern", "name", "allowed"),
    [
        ("", "f", False),
        ("f", "f", True),
        ("f", "F", False),
        ("f", "ff", False),
        ("report-*", "report-daily", True),
        ("report-*", "arn:aws:lambda:eu-west-1:123456789012:function:report-daily", False),
        (
            "arn:aws:lambda:*:123456789012:function:report-*",
            "arn:aws:lambda:eu-west-1:123456789012:function:report-1",
            True,
        ),
        (
            "arn:aws:lambda:*:123456789012:function:report-*",
            "arn:aws:lambda:eu-west-1:999999999999:function:report-1",
            False,
        ),
    ],
)
def test_only_functions_that_the_operator_lists_are_invoked(
    run: Run, functions: Stubber, provided: Resources, pattern: str, name: str, allowed: bool
) -> None:
    """Any tenant can name any function: by default none runs. A bare name is of this account alone."""
    environment = {
        "WHENDUE_LAMBDA_ALLOW": json.dumps({"acme": [pattern], "other": ["*"]}),
        "WHENDUE_OWN_FUNCTIONS": "whendue-worker",
    }
    provided.provide("settings", lambda: TaskSettings.from_env(environment))
    if allowed:
        functions.add_response("invoke", answer(b"1"))
        assert run("lambda", functionName=name)["payload"] == 1
    else:
        with pytest.raises(NotAllowedError, match="WHENDUE_LAMBDA_ALLOW"):
            run("lambda", functionName=name)


@pytest.mark.parametrize(
    "name",
    ["allowed-worker", "Allowed-Worker", "arn:aws:lambda:eu-west-1:123456789012:function:allowed-worker"],
)
@pytest.mark.parametrize("qualifier", [None, "live", "$LATEST"])
def test_whendues_own_functions_are_never_invoked(
    run: Run, functions: Stubber, name: str, qualifier: str | None
) -> None:
    """Whatever the list says; Lambda is not asked."""
    with pytest.raises(NotAllowedError, match="whendue's own"):
        run("lambda", functionName=name, qualifier=qualifier)
