"""The timer invokes itself without waiting; what is not known to have been accepted is unavailable."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from whendue.adapters.timer_invoker import LambdaInvoker
from whendue.errors import UnavailableError


class Client:
    def __init__(self, error: Exception | None = None) -> None:
        self.calls: list[dict[str, Any]] = []
        self._error = error

    def invoke(self, **call: Any) -> None:
        self.calls.append(call)
        if self._error:
            raise self._error


def test_an_event_is_sent_without_waiting_for_the_tick() -> None:
    """And the client is made when it is first needed."""
    client, made = Client(), list[Client]()

    def make() -> Client:
        made.append(client)
        return client

    invoker = LambdaInvoker(make, "whendue-timer")
    assert made == []
    invoker.invoke({"a": [1]})
    [call] = client.calls
    assert json.loads(call.pop("Payload")) == {"a": [1]}
    assert call == {"FunctionName": "whendue-timer", "InvocationType": "Event"}


@pytest.mark.parametrize(
    "error",
    [
        ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke"),
        ClientError({"Error": {"Code": "AccessDeniedException"}}, "Invoke"),
        ConnectTimeoutError(endpoint_url="https://lambda"),
    ],
)
def test_whatever_lambda_answers_the_tick_goes_on(error: Exception) -> None:
    """The partitions stay with the tick that has them."""
    with pytest.raises(UnavailableError):
        LambdaInvoker(lambda: Client(error), "whendue-timer").invoke({})
