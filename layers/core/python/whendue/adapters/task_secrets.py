"""Secrets of tasks: read when a process starts, by the names in WHENDUE_TASK_SECRETS, so that no setting holds one."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final, NamedTuple

from botocore.exceptions import BotoCoreError, ClientError

from whendue.adapters.aws import client
from whendue.errors import ConfigurationError

VARIABLE: Final = "WHENDUE_TASK_SECRETS"
_KINDS: Final = ("ssm", "secretsmanager")
# Names of one call: https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_GetParameters.html
PARAMETERS_PER_CALL: Final = 10
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
    wanted = {
        name: source for name, source in _sources(environment.get(VARIABLE, "")).items() if name not in environment
    }
    # Several variables may have the same source.
    found = _values(sorted(set(wanted.values())))
    values: dict[str, str] = {}
    failures: list[SecretFailure] = []
    for name, source in wanted.items():
        match found[source]:
            case _Failed(code, lasting=True):
                failures.append(SecretFailure(name, source, code))
            case _Failed(code):
                raise ConfigurationError(f"the secret {name} ({source}) cannot be read: {code}")
            case str(value) if "\0" not in value:
                values[name] = value
            case _:
                failures.append(SecretFailure(name, source, "the value is binary, and no text"))
    return TaskSecrets(values, failures)


class _Failed(NamedTuple):
    code: str
    lasting: bool


def _sources(text: str) -> dict[str, str]:
    try:
        sources = json.loads(text or "{}")
        if all(source.partition(":")[0] in _KINDS and source.partition(":")[2] for source in sources.values()):
            return dict(sources)
    except (ValueError, AttributeError, RecursionError):
        pass
    raise ConfigurationError(f"{VARIABLE} must be a JSON object of names to 'ssm:NAME' or 'secretsmanager:NAME'")


def _values(sources: Sequence[str]) -> dict[str, Any]:
    """Return what each source holds, or why it cannot be had: source -> value or `_Failed`."""
    parameters, secrets = (
        [source.partition(":")[2] for source in sources if source.partition(":")[0] == kind] for kind in _KINDS
    )
    found = {f"secretsmanager:{name}": _secret(name) for name in secrets}
    for start in range(0, len(parameters), PARAMETERS_PER_CALL):
        read = _parameters(parameters[start : start + PARAMETERS_PER_CALL])
        found |= {f"ssm:{name}": value for name, value in read.items()}
    return found


def _parameters(names: Sequence[str]) -> dict[str, Any]:
    """Read parameters in one call: name -> value or `_Failed`."""
    try:
        reply = client("ssm").get_parameters(Names=names, WithDecryption=True)
    except (BotoCoreError, ClientError) as error:
        failed = _failed(error)
        # One that is denied, or cannot be decrypted, fails the call.
        return _each(names) if failed.lasting and len(names) > 1 else dict.fromkeys(names, failed)
    parameters = reply.get("Parameters", ())
    missing = _Failed("ParameterNotFound", lasting=True)
    if len(names) == 1:
        return {names[0]: parameters[0]["Value"] if parameters else missing}
    invalid = dict.fromkeys(reply.get("InvalidParameters", ()), missing)
    read = {parameter["Name"]: parameter["Value"] for parameter in parameters} | invalid
    # The reply has another name than the call where that ends in a version, or is an ARN.
    return {name: read[name] for name in names if name in read} | _each([name for name in names if name not in read])


def _each(names: Sequence[str]) -> dict[str, Any]:
    return {name: value for each in names for name, value in _parameters([each]).items()}


def _secret(name: str) -> Any:
    try:
        return client("secretsmanager").get_secret_value(SecretId=name).get("SecretString")
    except (BotoCoreError, ClientError) as error:
        return _failed(error)


def _failed(error: BotoCoreError | ClientError) -> _Failed:
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else type(error).__name__
    return _Failed(code, code in LASTING)
