"""The one door to AWS: boto3 clients, made when first needed."""

from typing import Any

from whendue.errors import ConfigurationError

READ_TIMEOUT_S = 10


def client(service: str, **options: Any) -> Any:
    """Make a boto3 client with short time-outs and few tries.

    Region, credentials and `AWS_ENDPOINT_URL` come from the environment, as boto3 reads them.

    Args:
        service: boto3's name of it, as in `dynamodb`.
        options: botocore `Config` options over the defaults.
    """
    import boto3
    from botocore.config import Config

    defaults: dict[str, Any] = {
        "connect_timeout": 2,
        "read_timeout": READ_TIMEOUT_S,
        # The adapters retry what they understand; botocore's own tries are for broken connections.
        "retries": {"mode": "standard", "total_max_attempts": 3},
        "max_pool_connections": 32,
    }
    make: Any = boto3.client  # its stubs know service names as literals only
    return make(service, config=Config(**defaults | options))


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
