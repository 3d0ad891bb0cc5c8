"""The settings of a process in its environment, read once and checked at start."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from whendue.aws_quotas import SQS_MAX_VISIBILITY_S
from whendue.errors import ConfigurationError
from whendue.quotas import LEASE_MAX_S, LEASE_MIN_S, SHARDS_DEFAULT, SHARDS_MAX, TIMEOUT_S, WORKER_RESERVE_S
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
class Settings:
    """Names and numbers of one deployment.

    Args:
        table: the DynamoDB table's name.
        bucket: the S3 bucket for payloads and results over 256 KB.
        queues: queue name (`critical`, `high`, `normal`, `low`, `notifications`) -> SQS URL.
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
    secret: Secret = field(kw_only=True)

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
        default = Timing()
        return cls(
            table=_text(env, "WHENDUE_TABLE"),
            bucket=_text(env, "WHENDUE_BUCKET"),
            queues=_queues(_text(env, "WHENDUE_QUEUES")),
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


def _queues(text: str) -> Mapping[str, str]:
    try:
        queues = json.loads(text)
    except ValueError as error:
        raise ConfigurationError("WHENDUE_QUEUES must be a JSON object") from error
    if not isinstance(queues, dict) or set(queues) != set(ALL_QUEUES):
        raise ConfigurationError(f"WHENDUE_QUEUES must name exactly the queues {', '.join(ALL_QUEUES)}")
    return queues
