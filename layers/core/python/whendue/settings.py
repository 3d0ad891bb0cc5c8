"""The settings of a process in its environment, read once and checked at start."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from whendue.aws_quotas import SQS_MAX_BATCH, SQS_MAX_VISIBILITY_S
from whendue.errors import ConfigurationError, TimeoutTooLongError, UnknownQueueError
from whendue.quotas import (
    LEASE_MAX_S,
    LEASE_MIN_S,
    OWN_QUEUES,
    QUEUE_TIMEOUT_MIN_S,
    QUEUE_WEIGHT_MAX,
    SHARDS_DEFAULT,
    SHARDS_MAX,
    TIMEOUT_S,
    WORKER_RESERVE_S,
)
from whendue.support.secret import Secret

# Seconds that a worker function may run, which is also Lambda's longest:
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-timeout.html
WORKER_TIMEOUT_S: Final = 900

# What users' jobs run in, the highest priority first.
QUEUES: Final = ("critical", "high", "normal", "low")
# What deliveries of notifications run in.
NOTIFICATIONS: Final = "notifications"
ALL_QUEUES: Final = (*QUEUES, NOTIFICATIONS)
# What SQS has given up on: jobs, and deliveries.
DEAD_LETTER_QUEUES: Final = ("dead_letter", "notifications_dead_letter")
# Messages of busy queues that are taken in proportion; the least is 1.
WEIGHTS: Final[Mapping[str, int]] = MappingProxyType(
    dict(zip((*ALL_QUEUES, *DEAD_LETTER_QUEUES), (8, 4, 2, 1, 2, 1, 1), strict=True))
)
# Names of queues of one's own: with the longest name of a stack and `-worker-` they are names of functions and roles.
QUEUE_NAME: Final = r"[a-z][a-z0-9-]{0,19}"
# From which level on the lines of tasks are kept, as the standard `logging` numbers them; OFF is above all.
LOG_LEVELS: Final = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50, "OFF": 1_000_000}


@dataclass(frozen=True, slots=True)
class Timing:
    """The numbers of the due-index rule (ARCHITECTURE.md); all in milliseconds.

    Args:
        lookahead_ms: a job's first check stands this long before it is due; two ticks, so a missed tick costs nothing.
        grace_ms: how long after its due time a job may be silent before rescue looks at it.
        margin_ms: clock skew plus index lag; a writer sends itself when the next check is nearer than this.
    """

    lookahead_ms: int = 120_000
    grace_ms: int = 60_000
    margin_ms: int = 10_000


@dataclass(frozen=True, slots=True)
class OwnQueue:
    """A queue of the operator's own, with a worker of its own.

    Args:
        timeout_s: seconds that its worker may run; an attempt has `WORKER_RESERVE_S` less.
        memory_mb: memory of its worker function.
        batch_size: maximum number of messages in a batch.
        maximum_concurrency: maximum number of batches at a time.
        weight: its share among the queues that have work, from 1 as `low` to 8 as `critical`.
        draining: it is to be removed: what is in it runs, and no job is accepted for it.
    """

    timeout_s: int
    memory_mb: int = 1024
    batch_size: int = 10
    maximum_concurrency: int = 50
    weight: int = 2
    draining: bool = False


@dataclass(frozen=True, slots=True)
class Settings:
    """Names and numbers of one deployment.

    Args:
        table: the DynamoDB table's name.
        bucket: the S3 bucket for payloads and results over 256 KB.
        queues: queue name (`critical`, `high`, `normal`, `low`, `notifications`, and own ones) -> SQS URL.
        dead_letter_queue: the SQS URL of the dead-letter queue of jobs.
        secret: what ids are derived with and cursors are sealed with; the same in all processes.
        notifications_dead_letter_queue: that of deliveries; only workers in containers read it.
        shards: due index partitions per queue; may only grow.
        timing: the due-index rule's numbers.
        lease_s: lease of a claim where neither request, profile nor task says anything else.
        visibility_s: the queues' visibility timeout; workers extend it for messages that they hold longer.
        max_timeout_s: the longest attempt that the workers can keep; a job that asks for more is refused.
        task_log_level: from which level on the lines that tasks log are kept, a number of the standard `logging`.
        log_failures: failed attempts and dead jobs are logged, with what their errors say: for development.
        own_queues: queues of the operator's own, by name.
    """

    table: str
    bucket: str
    queues: Mapping[str, str]
    dead_letter_queue: str
    shards: int = SHARDS_DEFAULT
    timing: Timing = Timing()
    lease_s: int = 45
    visibility_s: int = 6 * WORKER_TIMEOUT_S
    max_timeout_s: int = WORKER_TIMEOUT_S - WORKER_RESERVE_S
    notifications_dead_letter_queue: str = ""
    task_log_level: int = LOG_LEVELS["INFO"]
    log_failures: bool = False
    own_queues: Mapping[str, OwnQueue] = field(default_factory=dict)
    secret: Secret = field(kw_only=True)

    @property
    def job_queues(self) -> tuple[str, ...]:
        """What jobs are accepted for: the four priorities, then own queues that are not to be removed."""
        return (*QUEUES, *(name for name, own in self.own_queues.items() if not own.draining))

    @property
    def all_queues(self) -> tuple[str, ...]:
        """All queues but those of dead letters."""
        return (*ALL_QUEUES, *self.own_queues)

    @property
    def weights(self) -> Mapping[str, int]:
        """The share of each queue, those of dead letters among them."""
        return {**WEIGHTS, **{name: own.weight for name, own in self.own_queues.items()}}

    def longest_attempt_s(self, queue: str) -> int:
        """Return the longest attempt that the workers of a queue can keep."""
        own = self.own_queues.get(queue)
        return self.max_timeout_s if own is None else own.timeout_s - WORKER_RESERVE_S

    def check_queue(self, queue: str) -> None:
        """Refuse a queue that jobs cannot be sent to.

        Raises:
            UnknownQueueError: there is none of this name, or no longer; its details name those that there are.
        """
        if queue not in self.job_queues:
            problem = f"must be one of {', '.join(self.job_queues)}"
            where = [{"where": "queue", "problem": problem}]
            raise UnknownQueueError(f"queue {problem}", errors=where, queues=list(self.job_queues))

    def check_timeout(self, asked_s: float, queue: str | None, who: str) -> None:
        """Refuse a timeout that is longer than any worker of a queue has.

        Args:
            asked_s: the timeout.
            queue: the queue; None for any that has workers for it.
            who: has it, as the message says.

        Raises:
            TimeoutTooLongError: it is too long; the message has the limit and `who`, the details have the limit and
                the queues whose workers have enough time.
        """
        limits = {name: min(self.longest_attempt_s(name) + WORKER_RESERVE_S, TIMEOUT_S) for name in self.job_queues}
        limit_s = limits[queue] if queue in limits else max(limits.values())
        if asked_s <= limit_s:
            return
        able = [name for name, most_s in limits.items() if asked_s <= most_s]
        worker = f"a worker of the queue {queue}" if queue else "a worker of this deployment"
        problem = f"{who} has a timeout of {asked_s} s; {worker} runs for {limit_s} s at most"
        problem += f"; those of {', '.join(able)} run for longer" if able else ""
        where = [{"where": "timeoutSeconds", "problem": problem}]
        text = f"timeoutSeconds is too long: {problem}"
        raise TimeoutTooLongError(text, errors=where, limitSeconds=limit_s, queues=able)

    @property
    def dead_letter_queues(self) -> dict[str, str]:
        """Dead-letter queues by name -> SQS URL, as far as they are known."""
        urls = (self.dead_letter_queue, self.notifications_dead_letter_queue)
        return {name: url for name, url in zip(DEAD_LETTER_QUEUES, urls, strict=True) if url}

    @classmethod
    def from_env(cls, env: Mapping[str, str], read: Callable[[str], str] | None = None) -> "Settings":
        """Read the `WHENDUE_*` variables.

        Args:
            env: the environment.
            read: gives the SSM parameter that WHENDUE_SECRET_PARAMETER names, if it names one.

        Raises:
            ConfigurationError: one is missing or malformed; the message names it, never its value.
        """
        default, own = Timing(), read_own_queues(env.get("WHENDUE_OWN_QUEUES") or "{}")
        return cls(
            table=_text(env, "WHENDUE_TABLE"),
            bucket=_text(env, "WHENDUE_BUCKET"),
            queues=_queues(_text(env, "WHENDUE_QUEUES"), (*ALL_QUEUES, *own)),
            own_queues=own,
            dead_letter_queue=_text(env, "WHENDUE_DEAD_LETTER_QUEUE"),
            shards=_number(env, "WHENDUE_SHARDS", SHARDS_DEFAULT, low=1, high=SHARDS_MAX),
            timing=Timing(
                lookahead_ms=1000 * _number(env, "WHENDUE_LOOKAHEAD_S", default.lookahead_ms // 1000, low=60, high=780),
                grace_ms=1000 * _number(env, "WHENDUE_GRACE_S", default.grace_ms // 1000, low=1, high=600),
                margin_ms=1000 * _number(env, "WHENDUE_MARGIN_S", default.margin_ms // 1000, low=1, high=60),
            ),
            lease_s=_number(env, "WHENDUE_LEASE_S", 45, low=LEASE_MIN_S, high=LEASE_MAX_S),
            visibility_s=_number(env, "WHENDUE_VISIBILITY_S", 6 * WORKER_TIMEOUT_S, low=1, high=SQS_MAX_VISIBILITY_S),
            max_timeout_s=_number(
                env, "WHENDUE_MAX_TIMEOUT_S", WORKER_TIMEOUT_S - WORKER_RESERVE_S, low=1, high=TIMEOUT_S
            ),
            notifications_dead_letter_queue=env.get("WHENDUE_NOTIFICATIONS_DEAD_LETTER_QUEUE", ""),
            task_log_level=_level(env),
            log_failures=_is_true(env, "WHENDUE_LOG_FAILURES"),
            secret=_secret(env, read),
        )


def _text(env: Mapping[str, str], name: str) -> str:
    if not env.get(name):
        raise ConfigurationError(f"{name} is not set")
    return env[name]


def _secret(env: Mapping[str, str], read: Callable[[str], str] | None) -> Secret:
    text, parameter = env.get("WHENDUE_SECRET", ""), env.get("WHENDUE_SECRET_PARAMETER", "")
    if text and parameter:
        raise ConfigurationError("set WHENDUE_SECRET or WHENDUE_SECRET_PARAMETER, not both")
    if parameter and read:
        return Secret.read(read(parameter), "the parameter that WHENDUE_SECRET_PARAMETER names")
    return Secret.read(text)


def _level(env: Mapping[str, str]) -> int:
    name = env.get("WHENDUE_TASK_LOG_LEVEL") or "INFO"
    if name not in LOG_LEVELS:
        raise ConfigurationError(f"WHENDUE_TASK_LOG_LEVEL must be one of {', '.join(LOG_LEVELS)}")
    return LOG_LEVELS[name]


def _is_true(env: Mapping[str, str], name: str) -> bool:
    text = env.get(name) or "false"
    if text not in ("true", "false"):
        raise ConfigurationError(f"{name} must be true or false")
    return text == "true"


def _number(env: Mapping[str, str], name: str, default: int, *, low: int, high: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not low <= int(text) <= high:
        raise ConfigurationError(f"{name} must be a whole number from {low} to {high}")
    return int(text)


def _queues(text: str, names: tuple[str, ...]) -> Mapping[str, str]:
    queues = _object(text, "WHENDUE_QUEUES")
    if set(queues) != set(names):
        raise ConfigurationError(f"WHENDUE_QUEUES must name exactly the queues {', '.join(names)}")
    return queues


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise ConfigurationError(f"{name} must be a JSON object") from error
    if not isinstance(value, dict):
        raise ConfigurationError(f"{name} must be a JSON object")
    return value


# Property of a queue of one's own -> the least and the most. In containers an attempt may take longer than in Lambda.
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html (memory), .../dg/services-sqs-scaling.html
# (concurrency of an event source mapping).
OWN_QUEUE_BOUNDS: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "timeout_s": (QUEUE_TIMEOUT_MIN_S, TIMEOUT_S + WORKER_RESERVE_S),
        "memory_mb": (256, 10_240),
        "batch_size": (1, SQS_MAX_BATCH),
        "maximum_concurrency": (2, 1000),
        "weight": (1, QUEUE_WEIGHT_MAX),
    }
)


def read_own_queues(text: str) -> dict[str, OwnQueue]:
    """Read WHENDUE_OWN_QUEUES: name -> properties, as JSON.

    Raises:
        ConfigurationError: it is not valid; the message has the queue and what is wrong.
    """
    value = _object(text, "WHENDUE_OWN_QUEUES")
    if len(value) > OWN_QUEUES:
        raise ConfigurationError(f"WHENDUE_OWN_QUEUES must name at most {OWN_QUEUES} queues")
    return {name: _own_queue(name, value[name]) for name in sorted(value)}


def _own_queue(name: str, values: object) -> OwnQueue:
    if problem := queue_name_problem(name):
        raise ConfigurationError(f"WHENDUE_OWN_QUEUES: {name[:64]!r} {problem}")
    where = f"WHENDUE_OWN_QUEUES: {name}"
    known = (*OWN_QUEUE_BOUNDS, "draining")
    if not isinstance(values, dict) or "timeout_s" not in values or not set(known) >= values.keys():
        raise ConfigurationError(f"{where} must be an object with timeout_s and any of {', '.join(known)}")
    for field_name, (low, high) in OWN_QUEUE_BOUNDS.items():
        value = values.get(field_name, low)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise ConfigurationError(f"{where}: {field_name} must be a whole number from {low} to {high}")
    if not isinstance(values.get("draining", False), bool):
        raise ConfigurationError(f"{where}: draining must be true or false")
    return OwnQueue(**values)


def queue_name_problem(name: str) -> str | None:
    """Return why a queue of one's own cannot have this name; None if it can."""
    if name in ALL_QUEUES:
        return "is the name of one of whendue's queues"
    return None if is_queue_name(name) else "must be 1 to 20 of a-z, 0-9 and -, a letter first"


def is_queue_name(name: str) -> bool:
    """Return whether a queue may have this name. A list may name one that the deployment no longer has."""
    return re.fullmatch(QUEUE_NAME, name) is not None
