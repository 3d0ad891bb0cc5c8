"""BlobStore on S3."""

from typing import Any

from botocore.exceptions import ClientError

from whendue.adapters.throttle import NETWORK_ERRORS
from whendue.errors import UnavailableError


class S3Blobs:
    """Texts in a bucket; encrypted at rest as the bucket says (SSE-S3 by default since 2023).

    Args:
        client: boto3's `s3` client.
        bucket: its name.
    """

    def __init__(self, client: Any, bucket: str) -> None:
        """Use this bucket."""
        self._client = client
        self._bucket = bucket

    def put(self, key: str, text: str) -> None:
        """Store a text."""
        try:
            self._client.put_object(
                Bucket=self._bucket, Key=key, Body=text.encode(), ContentType="application/json; charset=utf-8"
            )
        except (ClientError, *NETWORK_ERRORS) as error:
            raise UnavailableError from error

    def get(self, key: str) -> str | None:
        """Read a text; None where there is none."""
        try:
            text: str = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode()
        except self._client.exceptions.NoSuchKey:
            return None
        except (ClientError, *NETWORK_ERRORS) as error:
            raise UnavailableError from error
        return text

    def delete(self, key: str) -> None:
        """Delete a text; S3 says nothing of one that is not there."""
        try:
            self._client.delete_object(Bucket=self._bucket, Key=key)
        except (ClientError, *NETWORK_ERRORS) as error:
            raise UnavailableError from error
