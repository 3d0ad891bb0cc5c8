"""The task `lambda`: invoke an AWS Lambda function that the operator allows."""

import json
from typing import Annotated, Any, Final, Literal

from pydantic import Field, JsonValue

from whendue import task_quotas as limits
from whendue.aws_errors import decide
from whendue.declarations.context import Context
from whendue.declarations.registry import task
from whendue.declarations.resources import FunctionInvoker, TaskSettings, resource
from whendue.declarations.schema import Payload, json_or_text
from whendue.errors import NotAllowedError

# https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html: a name or an unqualified ARN, nothing in between.
_FUNCTION: Final = r"^(arn:aws[a-z-]*:lambda:[a-z0-9-]+:[0-9]{12}:function:)?[A-Za-z0-9_-]{1,64}$"
_QUALIFIER: Final = r"^(\$LATEST|[A-Za-z0-9_-]{1,128})$"
_HOPELESS: Final = frozenset(
    {
        "AccessDeniedException",
        "InvalidParameterValueException",
        "InvalidRequestContentException",
        "InvalidRuntimeException",
        "InvalidZipFileException",
        "RequestTooLargeException",
        "ResourceNotFoundException",
        "UnsupportedMediaTypeException",
        "ValidationException",
    }
)


class FunctionFailedError(Exception):
    """The function raised an error; its type and message are in the text."""


class LambdaPayload(Payload):
    """An invocation.

    Args:
        function_name: the function's name, or its ARN without qualifier.
        payload: the event, any JSON value.
        invocation_type: `RequestResponse` waits for the answer, `Event` only hands the event over.
        qualifier: a version or alias.
    """

    function_name: Annotated[str, Field(pattern=_FUNCTION)]
    payload: JsonValue = None
    invocation_type: Literal["RequestResponse", "Event"] = "RequestResponse"
    qualifier: Annotated[str, Field(pattern=_QUALIFIER)] | None = None


def allowed(payload: LambdaPayload, tenant: str) -> None:
    """Refuse a function that the operator does not allow to the tenant, and whendue's own.

    Raises:
        NotAllowedError: it is not allowed.
    """
    settings: TaskSettings = resource("settings")
    if settings.is_own_function(payload.function_name):
        problem = "the function is one of whendue's own, which no job may invoke"
    elif not settings.may_invoke(tenant, payload.function_name):
        problem = "WHENDUE_LAMBDA_ALLOW does not allow this function for the tenant"
    else:
        return
    raise NotAllowedError(problem, errors=[{"where": "functionName", "problem": problem}])


@task("lambda", check=allowed, never_retry=(NotAllowedError,))
def invoke(payload: LambdaPayload, ctx: Context) -> dict[str, Any]:
    """Invoke the function and give `statusCode`, `executedVersion`, `payload` and `truncated`.

    Raises:
        NotAllowedError: the operator does not allow the function to the tenant (any more).
        GiveUp: it is not there, or AWS refuses the request.
        Retry: the function is throttled.
        FunctionFailedError: the function raised.
    """
    allowed(payload, ctx.tenant)
    client: FunctionInvoker = resource("lambda")
    chosen = {"Qualifier": payload.qualifier} if payload.qualifier else {}
    try:
        response = client.invoke(
            FunctionName=payload.function_name,
            InvocationType=payload.invocation_type,
            Payload=json.dumps(payload.payload).encode(),
            **chosen,
        )
    except Exception as error:  # noqa: BLE001 - sorted out, and raised again in every case
        decide(error, "Lambda", hopeless=_HOPELESS)
    raw = response["Payload"].read(limits.ANSWER_BODY_BYTES + 1)
    truncated = len(raw) > limits.ANSWER_BODY_BYTES
    text = raw[: limits.ANSWER_BODY_BYTES].decode(errors="ignore")
    value = text if truncated else json_or_text(text)
    if response.get("FunctionError"):
        raise FunctionFailedError(_said(value))
    return {
        "statusCode": response["StatusCode"],
        "executedVersion": response.get("ExecutedVersion"),
        "payload": value if raw else None,
        "truncated": truncated,
    }


def _said(value: Any) -> str:
    """Read an error as Lambda reports it: https://docs.aws.amazon.com/lambda/latest/dg/python-exceptions.html ."""
    if not isinstance(value, dict):
        return "the function failed"
    return f"{value.get('errorType', 'Error')}: {value.get('errorMessage', '')}"
