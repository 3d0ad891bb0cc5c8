"""The job: its states, its policy, its failures, and the item it is stored as."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from operator import attrgetter
from typing import Any, Final, Literal

from whendue.errors import OldTableError
from whendue.jobs.limit_spec import Limit, Unique, Wait
from whendue.quotas import LIST_PARTITIONS, WORKFLOW_ATTEMPTS, WORKFLOW_TIMEOUT_S
from whendue.table.items import checked, known
from whendue.table.keys import Key, job_id_of, job_key

# The type of the jobs that POST /workflows, and schedules of workflows, create.
WORKFLOW: Final = "workflow"


class State(StrEnum):
    """What a job is, as stored. `scheduled` and `queued` are how a pending job is shown, see `shown_state`."""

    WAITING = "waiting"
    PENDING = "pending"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    DEAD = "dead"
    CANCELLED = "cancelled"
    EXPIRED = "expired"


TERMINAL = frozenset({State.SUCCEEDED, State.DEAD, State.CANCELLED, State.EXPIRED})
SHOWN_STATES = ("scheduled", "queued", *(state.value for state in State if state is not State.PENDING))


@dataclass(frozen=True, slots=True)
class Policy:
    """How a job is tried, kept with the job from the moment it is accepted.

    Args:
        max_attempts: failed attempts after which the job is dead.
        base_s: first backoff.
        factor: by how much each backoff grows.
        cap_s: the longest backoff.
        jitter: `full` draws each delay from 0 to its backoff, `none` waits the whole backoff.
        timeout_s: soft limit of one attempt.
        lease_s: a worker silent this long has lost the job.
        retention_s: how long the job is kept once finished.
        never_retry: an attempt that failed with an error of such a type is the last.
    """

    max_attempts: int = 4
    base_s: float = 5
    factor: float = 2
    cap_s: float = 3600
    jitter: Literal["full", "none"] = "full"
    timeout_s: int = 30
    lease_s: int = 45
    retention_s: int = 7 * 86_400
    never_retry: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt failed.

    Args:
        type: the error's class name, or a cause of ours such as `timeout` or `worker_lost`.
        message: what it said, at most 256 bytes.
        where: `module:function:line` of the innermost frame of the user's own code, empty where there is none.
        fingerprint: equal for errors with the same type, place and message but for numbers and ids.
        attempt: which attempt it was, from 1.
        generation: the job's generation that failed; keys the attempt's item.
        started_at: when the attempt began, ms UTC; None: it is why the job ended, and no attempt.
        failed_at: when it ended, ms UTC.
        stack, causes: see `whendue.jobs.failures.Raised`.
        expires_at: the job's expiry, ms UTC, if that is why no attempt followed.
    """

    type: str
    message: str
    where: str
    fingerprint: str
    attempt: int
    generation: int
    failed_at: int
    started_at: int | None = None
    stack: str | None = None
    causes: str | None = None
    expires_at: int | None = None


@dataclass(frozen=True, slots=True)
class Job:
    """One job, exactly as its hot item holds it. Times are milliseconds since 1970, UTC.

    Args:
        id: UUIDv7, or derived from tenant and Idempotency-Key.
        due_pk: its due index partition, `live#...` or `dead#...`.
        check_at: when the timer must look at it; once dead, when it ended; None takes it out of the due index: it has
            ended otherwise, and nothing is pending for it.
        due_at: when the next attempt may start.
        generation: raised by each retry, reschedule, reprioritise and redrive; a message of another one is stale.
        failures: failed attempts since submit or redrive.
        claims: claims since submit or redrive; claims without an outcome are lost workers.
        fence: the last claim's mark (the submit's before the first); every write after a claim carries it.
        lease_until: 0 unless running.
        scheduled_at: when `due_at` was last set; a process that sets it when the next check is already past sends, too.
        rescues: how often rescue moved this generation's next check.
        payload: inline JSON text; `payload_at` points to `item` or an S3 key where it is larger.
        last: the last failed attempt.
        limit: what the request asked for over the profile.
        waits_for: why a limit put it off, until it is claimed.
        unique: the unique key that it was submitted with.
        expires_at: seconds since 1970; DynamoDB's TTL. None for what is live, and for members of composites.
        fingerprint: of the failure that it is dead of; None unless it is in a `dead#...` partition.
        change: what was last asked of it, see `whendue.jobs.transition.with_change`; None for nothing.
        live_shard: the due index shard that it goes back to when it is redriven; None unless it is in `dead#...`.
        life: when it was created, ms UTC, if its id may be used again (Idempotency-Key); what belongs to it says so.
        profile_version: the version of its profile that the policy is made of; None for a built-in profile.
        follow: whether each claim takes the newest version of its profile; None is no.
        sources: where each field of the policy comes from, see `whendue.profiles.model`; None: all are defaults.
        group: what of its tenant's shares a queue fairly with the rest; None for the tenant as a whole.
        schedule: the schedule that made it.
        nominal_at: the time for which the schedule made it; None for one that was triggered.
        overlap: what happens while an earlier job of the schedule runs, None for nothing.
        unmet_dependencies: the dependencies that it waits for, see `whendue.jobs.dependencies`; None for none.
        on_dependency_failure: what happens if a dependency that must succeed does not; None cancels the job.
        after_s: the delay from the end of its last dependency until it is due, seconds.
        has_references: its payload refers to results of its dependencies.
        has_dependents: others depend on it.
        pending_fan_out: its end, or its failed attempt, has yet to be published; the last dependent that was served.
        expands: how it makes jobs of its own and waits for them, see `whendue.jobs.members`; None is not at all.
        member_count: how many it has made; None before it has.
        parent_id, member_number, node: the job that it is a part of, its number there, and its name.
        redrives: how often it was redriven.
        parent_redrive: of which redrive of the job that it is a part of it was last begun.
        deadline_at: when what it waits for is cancelled.
        begin_by: from when on no attempt of it begins, ms UTC: the expiry; `expires_at` was taken.
        expires_s: the time from its due time to its expiry, seconds, while it waits and its due time is unknown.
        notify: the subscriptions that it names, parted by spaces.
        subscription: whose delivery it is.
        traceparent: the trace that it belongs to, see `whendue.tracing.traceparent`.
    """

    id: str
    tenant: str
    type: str
    queue: str
    profile: str
    due_pk: str
    due_at: int
    scheduled_at: int
    created_at: int
    request_hash: str
    policy: Policy
    check_at: int | None = None
    state: State = State.PENDING
    generation: int = 1
    failures: int = 0
    claims: int = 0
    lease_until: int = 0
    rescues: int = 0
    cancel_requested: bool = False
    fence: str | None = None
    started_at: int | None = None
    finished_at: int | None = None
    expires_at: int | None = None
    payload: str | None = None
    payload_at: str | None = None
    result: str | None = None
    result_at: str | None = None
    last: Failure | None = None
    progress: str | None = None
    tags: Mapping[str, str] | None = None
    profile_version: int | None = None
    follow: bool | None = None
    sources: str | None = None
    group: str | None = None
    limit: Limit | None = None
    waits_for: Wait | None = None
    unique: Unique | None = None
    schedule: str | None = None
    nominal_at: int | None = None
    overlap: str | None = None
    unmet_dependencies: frozenset[int] | None = None
    on_dependency_failure: str | None = None
    after_s: float | None = None
    has_references: bool | None = None
    has_dependents: bool | None = None
    pending_fan_out: str | None = None
    expands: str | None = None
    member_count: int | None = None
    parent_id: str | None = None
    member_number: int | None = None
    node: str | None = None
    redrives: int | None = None
    parent_redrive: int | None = None
    deadline_at: int | None = None
    begin_by: int | None = None
    expires_s: float | None = None
    notify: str | None = None
    subscription: str | None = None
    traceparent: str | None = None
    life: int | None = None
    fingerprint: str | None = None
    live_shard: int | None = None
    change: Mapping[str, Any] | None = None

    @property
    def member_id_base(self) -> str:
        """What the ids of its members, of the jobs that it creates and of its deliveries are derived from.

        Another job may have its id later (`life`): what that one makes is its own.
        """
        return self.id if self.life is None else f"{self.id}@{self.life}"

    @property
    def listed_under(self) -> str:
        """Whose list it stands in once it has ended: its tenant's, or its subscription's."""
        return f"{self.tenant}/{self.subscription}" if self.subscription else self.tenant

    @property
    def tenant_pk(self) -> str:
        """The partition of the tenant index that it is in as long as it exists."""
        return tenant_partition(self.listed_under, zlib.crc32(self.id.encode()) % LIST_PARTITIONS)

    @property
    def message_group(self) -> str:
        """What its messages count for where a queue is fair: its tenant, or one of that tenant's own groups."""
        return f"{self.tenant}/{self.group}" if self.group else self.tenant

    @property
    def key(self) -> Key:
        """The hot item's key."""
        return job_key(self.id)

    @property
    def terminal(self) -> bool:
        """Whether nothing will happen to it any more by itself."""
        return self.state in TERMINAL

    def is_past_expiry(self, at_ms: int) -> bool:
        """Return whether no attempt may begin at this time, ms UTC."""
        return self.begin_by is not None and at_ms >= self.begin_by

    @property
    def cancelled_for(self) -> str | None:
        """The cause that it was cancelled for; None where it was for none. A failure of a run before is no cause."""
        last = self.last if self.state is State.CANCELLED else None
        return last.type if last and last.generation == self.generation else None

    @property
    def may_have_members(self) -> bool:
        """Whether it was cancelled after a run that may have made parts, and before it waited for them."""
        begun = self.state is State.CANCELLED and self.expands is not None and self.member_count is None
        return begun and (self.claims > 0 or self.redrives is not None)

    @property
    def run_policy(self) -> Policy:
        """The policy of the job's own attempts; a forEach carries that of its items, and runs none of their code."""
        if self.expands != "for_each":
            return self.policy
        return replace(self.policy, max_attempts=WORKFLOW_ATTEMPTS, timeout_s=WORKFLOW_TIMEOUT_S, never_retry=())

    @property
    def attempt(self) -> int:
        """How many attempts have begun and are not lost: what users see."""
        return self.failures + (self.state in (State.RUNNING, State.SUCCEEDED))

    @property
    def lost(self) -> int:
        """How many claims ended without a word."""
        return max(0, self.claims - self.attempt)

    @property
    def shard(self) -> int:
        """The due index shard it was written with and keeps while it is live."""
        return int(self.due_pk.rpartition("#")[2]) if self.live_shard is None else self.live_shard


# One call for all fields: jobs are copied with each step, and turned into items with each message.
_VALUES: Final = attrgetter(*Job.__slots__)


def evolve(job: Job, **changes: Any) -> Job:
    """Return the job with some fields changed."""
    return Job(**dict(zip(Job.__slots__, _VALUES(job), strict=True)) | changes)


def shown_state(job: Job, now_ms: int) -> str:
    """Name the state as users see it: a pending job is `scheduled` before its due time and `queued` after."""
    if job.state is not State.PENDING:
        return job.state.value
    return "scheduled" if now_ms < job.due_at else "queued"


_MAPS: Final = (Policy, Failure, Limit, Unique, Wait)
_PLAIN: Final = frozenset((str, int, bool))


def as_value(value: object) -> Any:
    """Turn a field into what the table stores: text, number, truth or map."""
    if isinstance(value, State):
        return value.value
    if isinstance(value, _MAPS):
        parts = ((name, getattr(value, name)) for name in value.__slots__)
        said = {name: part for name, part in parts if part not in (None, ())}
        return stored_policy(said) if isinstance(value, Policy) else said
    return value


def stored_policy(values: Mapping[str, Any]) -> dict[str, Any]:
    """Write a policy, or a part of one, as the table stores it: several names are one text."""
    return {name: " ".join(value) if isinstance(value, tuple) else value for name, value in values.items()}


def read_policy(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Read a policy, or a part of one, as the table stores it."""
    said = known(Policy, stored)
    return said | {name: tuple(value.split()) for name, value in said.items() if name == "never_retry"}


def to_item(job: Job) -> dict[str, Any]:
    """Write the job as its hot item; fields that are None are left out."""
    pk, sk = job.key
    stored = {
        name: value if type(value) in _PLAIN else as_value(value)
        for name, value in zip(Job.__slots__, _VALUES(job), strict=True)
        if value is not None
    }
    del stored["id"]
    return {"pk": pk, "sk": sk} | stored


def tenant_partition(listed_under: str, number: int) -> str:
    """Name a partition of the tenant index: of all jobs of a tenant, or of a subscription (`Job.listed_under`)."""
    return f"TENANT#{listed_under}#{number}"


def tenant_partitions(listed_under: str) -> list[str]:
    """Name all partitions of the jobs of a tenant, or of a subscription."""
    return [tenant_partition(listed_under, number) for number in range(LIST_PARTITIONS)]


def stored(job: Job) -> dict[str, Any]:
    """Write a new job as it is stored: with its entry in the tenant index, which is never changed again."""
    return to_item(job) | {"tenant_pk": job.tenant_pk}


def from_item(item: Mapping[str, Any]) -> Job:
    """Read a job from its hot item.

    Raises:
        KeyError, TypeError, ValueError: the item is not a job's.
        OldTableError: an earlier version wrote it.
    """
    if "agenda_pk" in item:
        raise OldTableError
    values = known(Job, item) | {
        "id": job_id_of(item["pk"]),
        "state": State(item["state"]),
        "policy": Policy(**checked(Policy, read_policy(item["policy"]))),
        "last": _read(Failure, item["last"]) if item.get("last") else None,
        "limit": _read(Limit, item["limit"]) if "limit" in item else None,
        "unique": _read(Unique, item["unique"]) if "unique" in item else None,
        "waits_for": _read(Wait, item["waits_for"]) if "waits_for" in item else None,
    }
    return Job(**checked(Job, values))


def _read(kind: type, values: Mapping[str, Any]) -> Any:
    return kind(**checked(kind, known(kind, values)))


def item_bytes(item: Mapping[str, Any]) -> int:
    """Count an item's size as DynamoDB does.

    Source: https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_bytes(value) for name, value in item.items())


def _value_bytes(value: object) -> int:
    match value:
        case str() | bytes():
            # Half a surrogate pair is for the store to refuse.
            return len(value if isinstance(value, bytes) else value.encode(errors="surrogatepass"))
        case bool() | None:
            return 1
        case int() | float():
            return len(str(value).strip("-0.").replace(".", "")) // 2 + 2
        case bytes():
            return len(value)
        case list() | frozenset():
            return 3 + sum(1 + _value_bytes(part) for part in value)
        case Mapping():
            return 3 + sum(1 + _value_bytes(str(name)) + _value_bytes(part) for name, part in value.items())
        case _:
            raise TypeError(f"an item holds no {type(value).__name__}")
