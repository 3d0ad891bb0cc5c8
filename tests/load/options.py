"""What `make load` was asked for, and what it refuses to do."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit

from localstack import token
from localstack.stack import load
from tests.load.scenarios import SCENARIOS

TENANT = "load"
DURATION_MAX_S = 12 * 3600
USERS_MAX = 200
# Of a run: some cents on AWS, some minutes on a laptop.
JOBS_MAX = 100_000


class RefusedError(RuntimeError):
    """Such a run is not made."""


@dataclass(frozen=True, slots=True)
class Options:
    """A run.

    Args:
        url: the API.
        token: a bearer token for it, with the scopes jobs:read and jobs:write.
        scenario: a name of `SCENARIOS`.
        duration_s: how long to submit.
        users: how many submit side by side.
        aws_endpoint_url: the emulator below the API, None if that is not known.
    """

    url: str
    token: str
    scenario: str
    duration_s: int
    users: int
    aws_endpoint_url: str | None = None


def read(asked: Mapping[str, str]) -> Options:
    """Read a run from make's variables.

    Raises:
        RefusedError: it names no stack, a stack elsewhere without ALLOW_REMOTE=1, or numbers beyond the bounds.
    """
    url, bearer, endpoint = _target(asked)
    scenario = asked.get("SCENARIO") or "steady"
    if scenario not in SCENARIOS:
        raise RefusedError(f"SCENARIO is one of {', '.join(SCENARIOS)}")
    duration_s = _number(asked, "DURATION", 30, DURATION_MAX_S)
    return Options(url, bearer, scenario, duration_s, _number(asked, "USERS", 5, USERS_MAX), endpoint)


def _target(asked: Mapping[str, str]) -> tuple[str, str, str | None]:
    url = asked.get("URL", "").rstrip("/")
    if not url:
        stack = load()
        if stack is None:
            raise RefusedError("no stack is up: start one with `make up`, or give URL and TOKEN")
        return stack.api_url, token.make(TENANT), stack.aws_endpoint_url
    if not is_loopback(url) and asked.get("ALLOW_REMOTE") != "1":
        raise RefusedError(f"{url} is not this machine: ALLOW_REMOTE=1 says that the deployment there is yours")
    if not asked.get("TOKEN"):
        raise RefusedError("URL needs a TOKEN with the scopes jobs:read and jobs:write")
    return url, asked["TOKEN"], None


def is_loopback(url: str) -> bool:
    """Return whether a URL leads to this machine, whatever any name server says."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _number(asked: Mapping[str, str], name: str, default: int, most: int) -> int:
    text = asked.get(name) or str(default)
    if not text.isdecimal() or not 1 <= int(text) <= most:
        raise RefusedError(f"{name} is a whole number from 1 to {most}")
    return int(text)
