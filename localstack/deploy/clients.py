"""boto3 clients of an emulator, by LocalStack's own client library."""

import os
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

from botocore.config import Config
from botocore.exceptions import ClientError
from localstack_client.session import Session

from localstack.stack import REGION

ACCOUNT = "000000000000"
# What leads clients to other emulators than the one that they are made for.
LEADING = ("AWS_ENDPOINT_URL", "LOCALSTACK_HOST", "EDGE_PORT", "USE_SSL")


def session(endpoint_url: str) -> Any:
    """Make a session of localstack-client for one emulator, whatever the environment says.

    Args:
        endpoint_url: the emulator, on any port.
    """
    made = Session("test", "test", region_name=REGION, localstack_host=urlsplit(endpoint_url).netloc)
    # The library lets an exported AWS_ENDPOINT_URL (and USE_SSL) beat its argument: what is meant for this stack would
    # be made, or deleted, in another one. `Clients.client` sees to it that this line does what it should.
    made._service_endpoint_mapping = dict.fromkeys(made._service_endpoint_mapping, endpoint_url)  # noqa: SLF001
    return made


class Clients:
    """Makes clients when they are first needed.

    Args:
        endpoint_url: the emulator.
    """

    def __init__(self, endpoint_url: str) -> None:
        """Use this emulator, with the credentials that every emulator takes."""
        self.endpoint_url = endpoint_url
        self._session = session(endpoint_url)

    def client(self, service: str) -> Any:
        """Make a client of any service.

        Raises:
            RuntimeError: the environment leads it to another place than the emulator.
        """
        config = Config(retries={"mode": "standard", "total_max_attempts": 5}, read_timeout=70)
        made = self._session.client(service, config=config)
        if made.meta.endpoint_url != self.endpoint_url:
            names = [name for name in os.environ if name.startswith(LEADING)]
            raise RuntimeError(
                f"a client of {service} for {self.endpoint_url} would talk to {made.meta.endpoint_url}; "
                f"unset {', '.join(names) or 'what says so in ~/.aws/config'} and try again"
            )
        return made

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
    """Return an error's code."""
    return str(error.response["Error"]["Code"])
