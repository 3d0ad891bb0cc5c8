"""What a client is made of, without its I/O."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from whendue.client.retry_policy import RetryPolicy
from whendue.client.tokens.sources import AsyncTokenLike, TokenFile, TokenLike, TokenSource, source_of
from whendue.client.urls import checked_url
from whendue.support.clock import Clock, system_clock

# The longest that API Gateway waits for a function, plus what its answer takes
# (https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html).
TIMEOUT_S: Final = 35.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """The settings of a client.

    Args:
        url: of the API, without a slash at its end.
        tokens: where its tokens come from.
        retry: when a request is sent again.
        timeout_s: how long one attempt may take, seconds.
        clock: time and chance.
    """

    url: str
    tokens: TokenSource
    retry: RetryPolicy
    timeout_s: float
    clock: Clock


def settings_of(
    url: str,
    token: AsyncTokenLike,
    *,
    retry: RetryPolicy | None,
    timeout_s: float,
    plain_http: bool,
    clock: Clock | None,
) -> Settings:
    """Return the settings that a client was given.

    Raises:
        ValueError: one of them is not valid.
    """
    if not 0 < timeout_s < float("inf"):
        raise ValueError("timeout_s must be over 0 and finite")
    return Settings(
        url=checked_url(url, plain_http=plain_http),
        tokens=source_of(token),
        retry=retry or RetryPolicy(),
        timeout_s=timeout_s,
        clock=clock or system_clock(),
    )


def from_environment(environ: Mapping[str, str] | None = None) -> tuple[str, TokenLike]:
    """Return the URL and the token of the environment: `WHENDUE_URL`, and `WHENDUE_TOKEN` or `WHENDUE_TOKEN_FILE`.

    Raises:
        ValueError: one of them is missing, or both tokens are set.
    """
    given = os.environ if environ is None else environ
    url, token, file = (given.get(name, "") for name in ("WHENDUE_URL", "WHENDUE_TOKEN", "WHENDUE_TOKEN_FILE"))
    if not url:
        raise ValueError("WHENDUE_URL is not set: set it to the URL of the API")
    if bool(token) == bool(file):
        raise ValueError(
            "set WHENDUE_TOKEN, or WHENDUE_TOKEN_FILE to the path of a file that holds the token; not both"
        )
    return url, token or TokenFile(file)
