"""Secrets of tasks: read when a process starts, by the names in WHENDUE_TASK_SECRETS, so that no setting holds one."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from whendue.adapters.aws import client
from whendue.errors import ConfigurationError

VARIABLE: Final = "WHENDUE_TASK_SECRETS"
# Another process would not get the value either. After any other error the next start may.
LASTING: Final = frozenset(
    {
        "AccessDeniedException",
        "DecryptionFailure",
        "InvalidKeyId",
        "InvalidParameterException",
        "InvalidRequestException",
        "ParameterNotFound",
        "ParameterVersionNotFound",
        "ResourceNotFoundException",
        "ValidationException",
    }
)


@dataclass(frozen=True, slots=True)
class SecretFailure:
    """A secret that cannot be had.

    Args:
        name: of the variable.
        source: where the value is kept, as in `ssm:/shop/key`.
        error: AWS's code, or what is wrong with the value.
    """

    name: str
    source: str
    error: str

    def log_line(self) -> str:
        """Return the line that the process logs at its start."""
        return json.dumps({"level": "ERROR", "message": "task secret failed", "service": "whendue"} | asdict(self))


class TaskSecrets(NamedTuple):
    """What was read.

    Args:
        values: name of the variable -> value.
        failures: those that cannot be had; tasks that need them fail, all others run.
    """

    values: dict[str, str]
    failures: list[SecretFailure]


def read_task_secrets(environment: Mapping[str, str]) -> TaskSecrets:
    """Read the values of all secrets that WHENDUE_TASK_SECRETS names, but for variables that are set already.

    Args:
        environment: of the process. The variable is a JSON object: name of a variable -> `ssm:NAME` or
            `secretsmanager:NAME`.

    Raises:
        ConfigurationError: the variable is not valid, or AWS has not answered as it should; the next start may succeed.
    """
    values: dict[str, str] = {}
    failures: list[SecretFailure] = []
    for name, source in _sources(environment.get(VARIABLE, "")).items():
        if name in environment:
            continue
        found = _read(name, source)
        if isinstance(found, SecretFailure):
            failures.append(found)
        else:
            values[name] = found
    return TaskSecrets(values, failures)


def _sources(text: str) -> dict[str, str]:
    try:
        sources = json.loads(text or "{}")
        if all(source.partition(":")[0] in _READERS and source.partition(":")[2] for source in sources.values()):
            return dict(sources)
    except (ValueError, AttributeError, RecursionError):
        pass
    raise ConfigurationError(f"{VARIABLE} must be a JSON object of names to 'ssm:NAME' or 'secretsmanager:NAME'")


def _read(name: str, source: str) -> str | SecretFailure:
    kind, _, kept_as = source.partition(":")
    try:
        value = _READERS[kind](kept_as)
    except (BotoCoreError, ClientError) as error:
        code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
        if code in LASTING:
            return SecretFailure(name, source, code)
        raise ConfigurationError(f"the secret {name} ({source}) cannot be read: {code}") from error
    if not isinstance(value, str) or "\0" in value:
        return SecretFailure(name, source, "the value is binary, and no text")
    return value


def _parameter(name: str) -> Any:
    return client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"]


def _secret(name: str) -> Any:
    return client("secretsmanager").get_secret_value(SecretId=name).get("SecretString")


_READERS: Final[Mapping[str, Callable[[str], Any]]] = {"ssm": _parameter, "secretsmanager": _secret}
