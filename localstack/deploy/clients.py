"""boto3 clients of an emulator."""

from functools import cached_property
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from localstack.stack import REGION

ACCOUNT = "000000000000"


class Clients:
    """Makes clients when they are first needed.

    Args:
        endpoint_url: the emulator.
    """

    def __init__(self, endpoint_url: str) -> None:
        """Use this emulator, with the credentials that every emulator takes."""
        self.endpoint_url = endpoint_url
        self._session: Any = boto3.Session("test", "test", region_name=REGION)

    def client(self, service: str) -> Any:
        """Make a client of any service."""
        config = Config(retries={"mode": "standard", "total_max_attempts": 5}, read_timeout=70)
        return self._session.client(service, endpoint_url=self.endpoint_url, config=config)

    @cached_property
    def dynamodb(self) -> Any:
        """DynamoDB."""
        return self.client("dynamodb")

    @cached_property
    def s3(self) -> Any:
        """S3."""
        return self.client("s3")

    @cached_property
    def sqs(self) -> Any:
        """SQS."""
        return self.client("sqs")

    @cached_property
    def functions(self) -> Any:
        """Lambda."""
        return self.client("lambda")

    @cached_property
    def iam(self) -> Any:
        """IAM."""
        return self.client("iam")

    @cached_property
    def events(self) -> Any:
        """EventBridge."""
        return self.client("events")

    @cached_property
    def http_apis(self) -> Any:
        """API Gateway, HTTP APIs."""
        return self.client("apigatewayv2")

    @cached_property
    def rest_apis(self) -> Any:
        """API Gateway, REST APIs."""
        return self.client("apigateway")


def code_of(error: ClientError) -> str:
    """Give an error's code."""
    return str(error.response["Error"]["Code"])
