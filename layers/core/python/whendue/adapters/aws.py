"""The one door to AWS: botocore's clients, made when first needed."""

import threading
from collections.abc import Callable
from functools import cache
from typing import Any

from whendue.errors import ConfigurationError

READ_TIMEOUT_S = 10
CONNECTIONS = 32
# Their arguments are the adapters' own, and checked by them; botocore's check of each call is a tenth of its CPU.
UNCHECKED = frozenset({"dynamodb", "sqs"})
# Clients of one session must be made one after the other:
# https://docs.aws.amazon.com/boto3/latest/guide/clients.html#multithreading-or-multiprocessing-with-clients
_making = threading.Lock()


def client(service: str, **options: Any) -> Any:
    """Make a client with short time-outs and few tries: what `boto3.client` returns, without importing boto3.

    Region, credentials and `AWS_ENDPOINT_URL` come from the environment, as boto3 reads them.

    Args:
        service: boto3's name of it, as in `dynamodb`.
        options: botocore `Config` options over the defaults.
    """
    from botocore.config import Config

    defaults: dict[str, Any] = {
        "connect_timeout": 2,
        "read_timeout": READ_TIMEOUT_S,
        # The adapters retry what they understand; botocore's own tries are for broken connections.
        "retries": {"mode": "standard", "total_max_attempts": 3},
        "max_pool_connections": CONNECTIONS,
        # A connection that a firewall has dropped is noticed before the next call waits for it.
        "tcp_keepalive": True,
        "parameter_validation": service not in UNCHECKED,
    }
    with _making:
        return _session().create_client(service, config=Config(**defaults | options))


@cache
def _session() -> Any:
    """Return the session of all clients, which share the descriptions that it has read."""
    from botocore.session import get_session

    return get_session()


class DeferredClient:
    """A client that is made when it is first used.

    Args:
        make: makes it.
    """

    def __init__(self, make: Callable[[], Any]) -> None:
        """Make nothing yet."""
        self._make = make
        self._lock = threading.Lock()
        self._client: Any = None

    def __getattr__(self, name: str) -> Any:
        """Return what the client has."""
        with self._lock:
            if self._client is None:
                self._client = self._make()
        return getattr(self._client, name)


def parameter(name: str) -> str:
    """Read a parameter of the Systems Manager's store, decrypted if it is a SecureString.

    Raises:
        ConfigurationError: it is not there, or may not be read.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        value: str = client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        raise ConfigurationError(f"the SSM parameter {name} cannot be read: {code}") from error
    return value
