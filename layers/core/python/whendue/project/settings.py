"""whendue.toml: the settings of a project, read and checked as a whole."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator

from whendue.aws_quotas import LAMBDA_VARIABLES_BYTES
from whendue.errors import ConfigurationError
from whendue.project.carried import json_text, own_variables
from whendue.project.toml_lines import line_of
from whendue.settings import ALL_QUEUES, read_own_queues
from whendue.support.text import nearest

FILE: Final = "whendue.toml"
# Values of secrets on this machine.
SECRETS_FILE: Final = ".env"
FILE_BYTES: Final = 64 * 1024
_LIMITS_PAGE: Final = "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html"
# They are read at each start of the worker, parameters by ten to a call, secrets of the Secrets Manager by one.
SECRETS: Final = 30
# What whendue itself gives each process.
_OWN: Final = frozenset(
    {
        "DEV_STACK_LOCAL",
        "WHENDUE_BUCKET",
        "WHENDUE_DEAD_LETTER_QUEUE",
        "WHENDUE_LOG_FAILURES",
        "WHENDUE_NOTIFICATIONS_DEAD_LETTER_QUEUE",
        "WHENDUE_OWN_FUNCTIONS",
        "WHENDUE_OWN_QUEUES",
        "WHENDUE_QUEUES",
        "WHENDUE_SECRET",
        "WHENDUE_SECRET_PARAMETER",
        "WHENDUE_TABLE",
        "WHENDUE_TASK_MANIFEST",
        "WHENDUE_TASKS",
        "WHENDUE_TASK_SECRETS",
    }
)
_OF_OTHERS: Final = ("AWS_", "LAMBDA_", "PYTHON", "WHENDUE_JWT_", "_")
# Packages that a project's would hide, or that would hide it.
_TAKEN: Final = frozenset({"functions", "infra", "localstack", "requirements", "tests", "whendue"})
_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MODULE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*")
# Of an unknown name, as many characters are compared.
_NAME_CHARS: Final = 64
# Sections that nothing on a developer's machine can honour.
DEPLOYED: Final = ("permissions", "vpc")
# Settings of queues of one's own alone.
_OF_OWN: Final = ("timeout_s", "memory_mb", "weight", "draining")


def _package(name: str) -> str:
    if not _MODULE.fullmatch(name):
        raise ValueError("must be the dotted name of a package, as in 'shop.tasks'")
    if name.partition(".")[0] in _TAKEN:
        raise ValueError(f"a package cannot be called {name.partition('.')[0]!r}: whendue has one of this name")
    return name


def _check_variable(name: str) -> None:
    if not _VARIABLE.fullmatch(name):
        raise ValueError(f"{name!r} cannot be a variable's name: use A-Z, a-z, 0-9 and _")
    if name in _OWN or name.startswith(_OF_OTHERS):
        raise ValueError(f"{name} is set by whendue, AWS or Python, not by a project")


def _environment(variables: dict[str, str]) -> dict[str, str]:
    for name, value in variables.items():
        _check_variable(name)
        # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html: two characters at least.
        if len(name) == 1:
            raise ValueError(f"{name!r} cannot be a variable's name: Lambda takes two characters at least")
        # Other text is none that a process can be started with.
        if "\0" in value:
            raise ValueError(f"{name}: a value cannot have a null character")
    return variables


def _secrets(sources: dict[str, "SecretSource"]) -> dict[str, "SecretSource"]:
    if len(sources) > SECRETS:
        raise ValueError(f"{len(sources)} secrets; at most {SECRETS}")
    for name in sources:
        _check_variable(name)
        if name.startswith("WHENDUE_"):
            raise ValueError(f"{name}: names that begin with WHENDUE_ are settings of whendue, not secrets of tasks")
    return sources


def _inside(path: str) -> str:
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError("must be a path inside of the project")
    return path


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class ProjectSection(_Part):
    """What the project consists of.

    Args:
        name: begins the name of each resource on AWS.
        tasks: packages whose modules declare tasks.
        requirements: the file with what they import, as pip reads it, or a pyproject.toml.
        exclude: files and folders at the project's top that `whendue build` leaves out.
        aws_services: boto3's names of services that tasks call beyond those that are there without this.
    """

    # The same as the variable `name` of the Terraform module.
    name: str = Field(default="whendue", pattern=r"^[a-z][a-z0-9-]{1,24}$")
    tasks: Annotated[list[Annotated[str, AfterValidator(_package)]], Field(min_length=1, max_length=20)] = ["tasks"]
    requirements: Annotated[str, AfterValidator(_inside)] = "requirements.txt"
    exclude: list[Annotated[str, Field(pattern=r"^[^/\\]{1,255}$")]] = Field(default=[], max_length=100)
    aws_services: list[Annotated[str, Field(pattern=r"^[a-z0-9-]{1,100}$")]] = Field(default=[], max_length=100)


class WorkerSection(_Part):
    """The worker: the process of `whendue dev`, and the function on AWS.

    Args:
        threads: maximum number of jobs that run concurrently in the process.
        memory_mb: memory of the function.
        timeout_s: seconds that an invocation of the function may run.
        reserved_concurrency: invocations of the function, kept free for it, and its maximum.
    """

    threads: int = Field(default=8, ge=1, le=100)
    # The bounds of the module's variables worker_memory_mb and worker_timeout_s, which are those of Lambda.
    memory_mb: int | None = Field(default=None, ge=256, le=10_240)
    timeout_s: int | None = Field(default=None, ge=10, le=900)
    reserved_concurrency: int | None = Field(default=None, ge=2, le=10_000)


class QueueSection(_Part):
    """How a queue feeds its worker function, and for one of one's own what that has.

    Args:
        batch_size: messages per invocation.
        maximum_concurrency: invocations at once.
        timeout_s: seconds that an invocation may run.
        memory_mb: memory of the function.
        weight: share among busy queues, from 1 as `low` to 8 as `critical`.
        draining: it is to be removed, and takes no more jobs.
    """

    batch_size: int | None = Field(default=None, ge=1, le=10)
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
    maximum_concurrency: int | None = Field(default=None, ge=2, le=1000)
    timeout_s: int | None = Field(default=None, ge=10, le=900)
    memory_mb: int | None = Field(default=None, ge=256, le=10_240)
    weight: int | None = Field(default=None, ge=1, le=8)
    draining: bool | None = None


def _own(sections: Mapping[str, QueueSection]) -> dict[str, dict[str, Any]]:
    return {name: each.model_dump(exclude_none=True) for name, each in sections.items() if name not in ALL_QUEUES}


def _queues(sections: dict[str, QueueSection]) -> dict[str, QueueSection]:
    own = _own(sections)
    for name, section in sections.items():
        if name in ALL_QUEUES and section.model_fields_set.intersection(_OF_OWN):
            raise ValueError(f"{name} shares its worker: {', '.join(_OF_OWN)} are those of queues of your own")
        if name in own and section.timeout_s is None:
            near = nearest(name[:_NAME_CHARS], list(ALL_QUEUES))
            hint = f"; did you mean {near}?" if near else ""
            raise ValueError(
                f"{name[:_NAME_CHARS]} is not one of whendue's queues{hint}; a queue of your own needs timeout_s"
            )
    try:
        read_own_queues(json.dumps(own))
    except ConfigurationError as error:
        raise ValueError(str(error).removeprefix("WHENDUE_OWN_QUEUES").removeprefix(": ").strip()) from None
    return sections


class SecretSource(_Part):
    """Where the value of a secret is kept: one of the two.

    Args:
        ssm: full name of a parameter of the Systems Manager's parameter store.
        secretsmanager: name of a secret of the Secrets Manager.
    """

    ssm: str | None = Field(default=None, pattern=r"^/[A-Za-z0-9_./-]{1,1010}$")
    # https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    secretsmanager: str | None = Field(default=None, pattern=r"^[A-Za-z0-9/_+=.@-]{1,512}$")

    @model_validator(mode="after")
    def _is_one(self) -> "SecretSource":
        if (self.ssm is None) == (self.secretsmanager is None):
            raise ValueError("must have either ssm, the name of a parameter, or secretsmanager, the name of a secret")
        return self


class Statement(_Part):
    """A statement of an IAM policy, in IAM's own words."""

    Effect: Literal["Allow", "Deny"]
    Action: list[str] = Field(min_length=1)
    Resource: list[str] = Field(min_length=1)
    Condition: dict[str, Any] | None = None


class PermissionsSection(_Part):
    """What the worker may do beyond whendue's own permissions; for a deployment.

    Args:
        statements: of an inline policy.
        policy_arns: of managed policies.
    """

    statements: list[Statement] = Field(default=[], max_length=50)
    policy_arns: list[Annotated[str, Field(pattern=r"^arn:aws[a-z-]*:iam::(\d{12}|aws):policy/.+$")]] = Field(
        default=[], max_length=10
    )


class VpcSection(_Part):
    """Where the worker function runs; for a deployment.

    Args:
        subnet_ids: at least one.
        security_group_ids: at least one.
    """

    subnet_ids: list[Annotated[str, Field(pattern=r"^subnet-[0-9a-f]+$")]] = Field(min_length=1, max_length=16)
    security_group_ids: list[Annotated[str, Field(pattern=r"^sg-[0-9a-f]+$")]] = Field(min_length=1, max_length=5)


class Sample(_Part):
    """The request that `whendue dev` shows.

    Args:
        type: of the job.
        payload: of it.
    """

    type: str = Field(min_length=1, max_length=200)
    payload: dict[str, Any] = {}


class DevSection(_Part):
    """`whendue dev` itself.

    Args:
        port: of the API; 0 is 8000, or any free one if that is taken.
        sample: the request to show.
    """

    port: int = Field(default=0, ge=0, le=65535)
    sample: Sample | None = None


class ProjectSettings(_Part):
    """All of whendue.toml."""

    project: ProjectSection = ProjectSection()
    environment: Annotated[dict[str, str], AfterValidator(_environment)] = {}
    worker: WorkerSection = WorkerSection()
    queues: Annotated[dict[str, QueueSection], AfterValidator(_queues)] = {}
    secrets: Annotated[dict[str, SecretSource], AfterValidator(_secrets)] = {}
    permissions: PermissionsSection = PermissionsSection()
    vpc: VpcSection | None = None
    dev: DevSection = DevSection()

    @model_validator(mode="after")
    def _is_secret_or_not(self) -> "ProjectSettings":
        if both := sorted(self.secrets.keys() & self.environment.keys()):
            raise ValueError(f"{', '.join(both)}: in [environment] and in [secrets]; a variable has one value")
        return self

    @model_validator(mode="after")
    def _fits_lambda(self) -> "ProjectSettings":
        own = own_variables(self.project.name, self.project.tasks, self.worker.timeout_s, self.own_queues)
        sources = {
            name: f"ssm:{source.ssm}" if source.ssm else f"secretsmanager:{source.secretsmanager}"
            for name, source in self.secrets.items()
        }
        further = self.environment | ({"WHENDUE_TASK_SECRETS": json_text(sources)} if sources else {})
        size = len(json_text(own | further).encode())
        if size > LAMBDA_VARIABLES_BYTES:
            raise ValueError(
                f"[environment] and [secrets] make the variables of the worker function {size} bytes, with whendue's "
                f"own, which are {len(json_text(own).encode())}; Lambda takes {LAMBDA_VARIABLES_BYTES} "
                f"({_LIMITS_PAGE}). Keep long values in one of [secrets], or in a file of the project"
            )
        return self

    @property
    def own_queues(self) -> dict[str, dict[str, Any]]:
        """Queues of one's own with what is set of them, by name."""
        return {
            name: each.model_dump(exclude_none=True) for name, each in self.queues.items() if name not in ALL_QUEUES
        }

    @property
    def unused(self) -> list[str]:
        """The sections that are set and that `whendue dev` does not use."""
        shared = ["queues"] if self.queues.keys() & set(ALL_QUEUES) else []
        return shared + [name for name in DEPLOYED if name in self.model_fields_set]


def load(folder: Path) -> ProjectSettings:
    """Read whendue.toml of a project.

    Raises:
        ConfigurationError: it is missing or not valid; the message has file and line of each fault.
    """
    path = folder / FILE
    try:
        with path.open("rb") as file:
            data = file.read(FILE_BYTES + 1)
    except OSError as error:
        hint = "; `whendue new` makes a project" if isinstance(error, FileNotFoundError) else ""
        raise ConfigurationError(f"{path}: {error.strerror}{hint}") from error
    if len(data) > FILE_BYTES:
        raise ConfigurationError(f"{path}: more than {FILE_BYTES} bytes")
    return parse(data, FILE)


def parse(data: bytes, name: str = FILE) -> ProjectSettings:
    """Read settings from TOML.

    Args:
        data: of the file.
        name: the file's, for messages.

    Raises:
        ConfigurationError: it is not valid; the message has each fault with its line, and no value.
    """
    try:
        text = data.decode()
        return ProjectSettings.model_validate(tomllib.loads(text))
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise ConfigurationError(f"{name}:{line}: not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{name}{_place_in(str(error))}") from error
    except RecursionError as error:
        raise ConfigurationError(f"{name}: tables or lists are nested too deeply") from error
    except ValidationError as error:
        faults = error.errors(include_url=False, include_input=False, include_context=False)
        raise ConfigurationError("; ".join(_fault(text, name, fault) for fault in faults)) from error


def _place_in(message: str) -> str:
    """Return tomllib's message with its line in front."""
    found = re.fullmatch(r"(?P<what>.*) \(at line (?P<line>\d+), column \d+\)", message, re.DOTALL)
    return f":{found['line']}: {found['what']}" if found else f": {message}"


def _fault(text: str, name: str, fault: Any) -> str:
    line = line_of(text, fault["loc"])
    path = ".".join(str(part) for part in fault["loc"] if part != "[key]")
    what = _unknown(fault["loc"]) if fault["type"] == "extra_forbidden" else fault["msg"].removeprefix("Value error, ")
    prefix = f"{name}:{line}" if line else name
    return f"{prefix}: {path}: {what}" if path else f"{prefix}: {what}"


def _unknown(path: Sequence[str | int]) -> str:
    """Say that there is no such setting, and which one may be meant."""
    near = nearest(str(path[-1])[:_NAME_CHARS], _settings_at(path[:-1]))
    return f"is not a setting; did you mean {near}?" if near else "is not a setting"


def _settings_at(path: Sequence[str | int]) -> list[str]:
    """Name the settings of a section; a name that users choose, or the number of an item, is of the one above it."""
    section: type[BaseModel] = ProjectSettings
    for part in path:
        field = section.model_fields.get(str(part))
        section = next(_sections_in(field.annotation), section) if field else section
    return list(section.model_fields)


def _sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from _sections_in(inner)
