"""infra/topology.yaml, read and checked."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field

from whendue.settings import OwnQueue, read_own_queues

ROOT = Path(__file__).parents[1]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class KeyAttribute(_Part):
    """An attribute of a key, and its type."""

    name: str
    type: Literal["S", "N"]


class Index(_Part):
    """A global secondary index: its partition key and sort key, and what it carries besides the keys."""

    name: str
    key: tuple[KeyAttribute, KeyAttribute]
    include: list[str]


class Table(_Part):
    """The one table."""

    key: tuple[KeyAttribute, KeyAttribute]
    indexes: list[Index]
    former_index: Index
    ttl: str


class DueIndex(_Part):
    """Partitions of the due index per queue."""

    shards: int = Field(ge=1, le=256)


class Bucket(_Part):
    """The bucket of large payloads and results."""

    expire_days: int


class DeadLetterQueue(_Part):
    """The queue that SQS redrive fills."""

    visibility_s: int
    retention_s: int


class NotificationQueues(_Part):
    """The queue of deliveries, and the dead-letter queue under it."""

    queue: str
    dead_letter: str


class OwnQueueDefault(_Part):
    """What a queue of one's own has unless it says something else."""

    memory_mb: int
    batch_size: int
    maximum_concurrency: int
    weight: int
    draining: bool


class Queues(_Part):
    """The priority queues, own ones and that of deliveries, all alike, and the dead-letter queues under them."""

    visibility_s: int
    max_receive_count: int
    retention_s: int
    priorities: list[str]
    own: dict[str, dict[str, int | bool]]
    own_default: OwnQueueDefault
    notifications: NotificationQueues
    dead_letter: DeadLetterQueue


class Layer(_Part):
    """A Lambda layer; without a source it is made of the locked requirements, and of these services' descriptions."""

    source: str | None = None
    aws_services: list[str] = []


class Function(_Part):
    """A Lambda function and the sources that go into its zip."""

    handler: str
    timeout_s: int
    memory_mb: int
    sources: list[str]
    reserved_concurrency: int | None = None


class Attempts(_Part):
    """What of the worker's time an attempt does not have."""

    reserve_s: int


class Runtime(_Part):
    """What Lambda runs the functions on."""

    python: str
    architecture: Literal["arm64", "x86_64"]


class ScheduleTrigger(_Part):
    """Starts a function at a rate."""

    function: str
    every: str


class QueueTrigger(_Part):
    """Feeds a function from queues, with partial batch responses."""

    function: str
    queues: list[str]
    batch_size: int = Field(le=10)
    maximum_concurrency: int = Field(ge=2)


class Triggers(_Part):
    """What starts the functions."""

    timer: ScheduleTrigger
    worker: QueueTrigger
    notifier: QueueTrigger
    dead_letter: QueueTrigger


class Api(_Part):
    """The HTTP front."""

    flavor: Literal["http", "rest"]
    stage: str
    rest_stage: str


class Logs(_Part):
    """What the functions print."""

    retention_days: int


class Alarm(_Part):
    """When an alarm goes off: a metric above a threshold for a number of minutes in a row."""

    above: int
    periods: int = Field(ge=1)


class Local(_Part):
    """What is smaller on a laptop."""

    maximum_concurrency: int


class Topology(_Part):
    """The whole stack."""

    table: Table
    due_index: DueIndex
    bucket: Bucket
    queues: Queues
    layers: dict[str, Layer]
    functions: dict[str, Function]
    attempts: Attempts
    runtime: Runtime
    shared_sources: list[str]
    triggers: Triggers
    api: Api
    logs: Logs
    alarms: dict[str, Alarm]
    local: Local

    @property
    def max_timeout_s(self) -> int:
        """The longest attempt that the worker function can keep, in seconds."""
        return self.functions["worker"].timeout_s - self.attempts.reserve_s


def own_queues(plan: Topology, environment: Mapping[str, str]) -> dict[str, OwnQueue]:
    """Return the queues of one's own: those of the topology, and those of the environment, which win.

    Args:
        plan: the topology.
        environment: `WHENDUE_*` variables of the functions.

    Raises:
        ConfigurationError: they are not valid.
    """
    asked = read_own_queues(environment.get("WHENDUE_OWN_QUEUES") or "{}")
    return read_own_queues(json.dumps(plan.queues.own)) | asked


def own_workers(plan: Topology, own: Mapping[str, OwnQueue]) -> dict[str, Function]:
    """Return the worker functions of queues of one's own: the worker's code, each with its own time and memory."""
    worker = plan.functions["worker"]
    return {
        f"worker-{name}": worker.model_copy(update={"timeout_s": queue.timeout_s, "memory_mb": queue.memory_mb})
        for name, queue in own.items()
    }


@cache
def topology() -> Topology:
    """Read the topology.

    Raises:
        pydantic.ValidationError: something is missing, misspelt or of the wrong type.
    """
    return Topology.model_validate(yaml.safe_load((ROOT / "infra/topology.yaml").read_text()))
