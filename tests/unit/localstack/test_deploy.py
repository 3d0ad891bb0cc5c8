"""What a deploy compares, and what it says of a function that never becomes active."""

from typing import Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from localstack.deploy.clients import Clients
from localstack.deploy.functions import _await_active
from localstack.deploy.same import covers


@pytest.mark.parametrize(
    ("found", "wanted", "same"),
    [
        ({"A": 1, "Default": 2}, {"A": 1}, True),
        ({"A": 1}, {"A": 2}, False),
        ({}, {"A": 1}, False),
        (None, {"A": 1}, False),
        ({"Scaling": {"Maximum": 2, "More": 1}}, {"Scaling": {"Maximum": 2}}, True),
        ({"Scaling": None}, {"Scaling": {"Maximum": 2}}, False),
        ({"Types": ["Report"]}, {"Types": ["Report"]}, True),
        ({"Types": ["Report", "Other"]}, {"Types": ["Report"]}, False),
        ([{"Id": "1", "Arn": "a", "More": 1}], [{"Id": "1", "Arn": "a"}], True),
        ({"Policy": '{"a": 1,"b":2}'}, {"Policy": '{"b": 2, "a": 1}'}, True),
        ({"Policy": '{"a": 1}'}, {"Policy": '{"a": 2}'}, False),
        ({"Policy": "{"}, {"Policy": '{"a": 2}'}, False),
        ({"Visibility": "360"}, {"Visibility": "60"}, False),
    ],
)
def test_what_is_wanted_is_there_or_not(found: Any, wanted: Any, same: bool) -> None:
    """Services add defaults and write JSON in their own way; neither is a change."""
    assert covers(found, wanted) is same


class One(Clients):
    """Clients of which one is stubbed."""

    def __init__(self, functions: Any) -> None:
        self._functions = functions

    def client(self, service: str) -> Any:
        assert service == "lambda"
        return self._functions


@pytest.mark.parametrize(
    "configuration",
    [
        {"State": "Failed", "StateReason": "no such image"},
        {"State": "Active", "LastUpdateStatus": "Failed", "LastUpdateStatusReason": "no such image"},
    ],
)
def test_a_function_that_never_becomes_active_is_named_with_its_reason(configuration: dict[str, str]) -> None:
    """Botocore's waiter says `terminal failure state` and nothing else."""
    functions = boto3.client("lambda", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    with Stubber(functions) as stub:
        for _ in range(3 if configuration["State"] == "Active" else 2):
            stub.add_response("get_function", {"Configuration": configuration}, {"FunctionName": ANY})
        with pytest.raises(RuntimeError, match="function f cannot start: no such image"):
            _await_active(One(functions), "f")
        stub.assert_no_pending_responses()
