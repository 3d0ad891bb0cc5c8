"""A request to create a job, before the job has an id, and its form as JSON."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields
from typing import Any, Final, Literal

from whendue.jobs.dependencies import FailurePolicy, On
from whendue.jobs.limit_spec import Limit, OnConflict, Scope
from whendue.quotas import TAG_KEY_BYTES, TAG_VALUE_BYTES, TAGS, TAGS_BYTES
from whendue.table.items import known

# What became of a request: it created a job, an earlier one with its Idempotency-Key did (`replayed`), another job
# holds its unique key (`returned`), or was cancelled for it.
Outcome = Literal["created", "replayed", "returned", "replaced", "postponed"]


@dataclass(frozen=True, slots=True)
class Dependency:
    """A dependency, as requested: exactly one of `job` and `ref`.

    Args:
        job: its id.
        ref: the ref of an earlier request of the same batch.
        on: which end counts: `success`, `failure` (dead, cancelled or expired), or `done` for any.
        name: its name in the payload's references.
    """

    job: str | None = None
    ref: str | None = None
    on: On = "success"
    name: str | None = None


@dataclass(frozen=True, slots=True)
class UniqueRequest:
    """A unique key, as requested: exactly one of `key` and `by_payload`.

    Args:
        key: its name.
        by_payload: the places in the payload whose values make the key, as in `order.id`; none stand for all of it.
        scope: until when the job holds it: until it begins (`pending`) or ends (`running`), until it succeeds, or for
            a time (`for_seconds`).
        for_s: that time, seconds.
        on_conflict: what happens if another job holds it.
        max_wait_s: for `postpone`: how long after the first submit the job is due at the latest, seconds.
    """

    key: str | None = None
    by_payload: tuple[str, ...] | None = None
    scope: Scope = "running"
    for_s: float | None = None
    on_conflict: OnConflict = "return"
    max_wait_s: float | None = None


def unique_request(said: Mapping[str, Any]) -> UniqueRequest:
    """Return the unique key that code asks for, as a request has it; `said` is checked (`unique_problem`)."""
    given = {name: value for name, value in said.items() if value is not None}
    paths = given.get("by_payload")
    return UniqueRequest(
        key=given.get("key"),
        by_payload=None if paths is None else tuple(paths),
        scope=given.get("scope", "running"),
        for_s=given.get("for_seconds"),
        on_conflict=given.get("on_conflict", "return"),
        max_wait_s=given.get("max_wait_seconds"),
    )


@dataclass(frozen=True, slots=True)
class JobRequest:
    """A job as requested; None leaves a value to the profile.

    Args:
        type: the task's name.
        payload: any JSON value that fits the task's model.
        due_at: when it is due, ms UTC; excludes `delay_s`.
        delay_s: the delay from now, seconds; 0 is at once.
        expires_at: when it expires unless it has begun, ms UTC; excludes `expires_s`.
        expires_s: how long after it is due it expires unless it has begun, seconds; None is left to the profile.
        queue: the queue, one of the four priorities or of the operator's own; None is left to profile and task.
        profile: the profile's name.
        policy: fields of `Policy` that override those of profile and task.
        follow: whether to take the newest version of the profile at each claim; None is left to the profile.
        tags: a few short words to find the job by.
        limit: asked for over the profile's.
        unique: the unique key; None for none.
        idempotency_key: equal keys of a tenant are the same job.
        group: see `Job.group`.
        schedule: the schedule that submits it.
        nominal_at: the nominal time of its fire, ms UTC.
        overlap: what happens while an earlier job of the schedule runs, None for nothing.
        notify: the names of subscriptions, separated by spaces.
        depends_on: the jobs that it waits for.
        on_dependency_failure: what happens if a dependency that must succeed does not; None cancels the job.
        ref: its name in `depends_on` of later requests of the same batch.
        traceparent: see `Job.traceparent`; not hashed: a repeated request has another one.
    """

    type: str
    payload: Any = None
    due_at: int | None = None
    delay_s: float | None = None
    expires_at: int | None = None
    expires_s: float | None = None
    queue: str | None = None
    profile: str = "default"
    policy: Mapping[str, Any] = field(default_factory=dict)
    follow: bool | None = None
    tags: Mapping[str, str] = field(default_factory=dict)
    limit: Limit | None = None
    unique: UniqueRequest | None = None
    idempotency_key: str | None = None
    group: str | None = None
    schedule: str | None = None
    nominal_at: int | None = None
    overlap: str | None = None
    notify: str = ""
    depends_on: tuple[Dependency, ...] = ()
    on_dependency_failure: FailurePolicy | None = None
    ref: str | None = None
    traceparent: str | None = None


def request_hash(request: JobRequest) -> str:
    """Hash a request, so that a repeated Idempotency-Key can be compared (24 hex digits, 96 bits)."""
    parts: list[Any] = [request.type, request.payload, request.due_at, request.delay_s, request.queue, request.profile]
    parts += [dict(request.policy), dict(request.tags)]
    # Left out if not set: hashes of jobs that were created before these fields existed stay the same.
    later = {
        "follow": request.follow,
        "group": request.group,
        "limit": asdict(request.limit) if request.limit else None,
        "notify": request.notify or None,
        "depends_on": [asdict(dependency) for dependency in request.depends_on] or None,
        "on_dependency_failure": request.on_dependency_failure,
        "ref": request.ref,
        "expires_at": request.expires_at,
        "expires_s": request.expires_s,
        "unique": asdict(request.unique) if request.unique else None,
    }
    parts += [{name: value} for name, value in later.items() if value is not None]
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def tags_problem(tags: object) -> str | None:
    """Return why a job cannot have these tags; None if it can."""
    if not isinstance(tags, Mapping) or not all(isinstance(text, str) for pair in tags.items() for text in pair):
        return "must be texts by name"
    if len(tags) > TAGS:
        return f"must have at most {TAGS} entries"
    # Half a surrogate pair is for the store to refuse.
    encoded = [[text.encode(errors="surrogatepass") for text in pair] for pair in tags.items()]
    sizes = [(len(name), len(value)) for name, value in encoded]
    if any(not 0 < name <= TAG_KEY_BYTES or value > TAG_VALUE_BYTES for name, value in sizes):
        return f"must have names of 1 to {TAG_KEY_BYTES} bytes and values of at most {TAG_VALUE_BYTES} bytes"
    if any(":" in name for name in tags):
        return "must have names without ':', which ends a name where a list is filtered by tags"
    if sum(map(sum, sizes)) > TAGS_BYTES:
        return f"must have at most {TAGS_BYTES} bytes, all names and values together"
    return None


def joined(*names: str) -> str:
    """Join lists of names separated by spaces, each name once."""
    return " ".join(dict.fromkeys(" ".join(names).split()))


# --- as JSON -----------------------------------------------------------------------------------------------------

_DEFAULTS: Final = {item.name: {} if item.default is MISSING else item.default for item in fields(JobRequest)}


def request_value(request: JobRequest) -> dict[str, Any]:
    """Return a request as a JSON value, without default values; equal requests have equal JSON."""
    values = {name: getattr(request, name) for name in JobRequest.__slots__}
    # An older version reads `policy` in any case.
    changed = {name: value for name, value in values.items() if name == "policy" or value != _DEFAULTS[name]}
    return {name: value if name == "payload" else _part(value) for name, value in changed.items()}


def _part(value: Any) -> Any:
    match value:
        case Limit() | Dependency() | UniqueRequest():
            return {name: part for name, part in asdict(value).items() if part is not None}
        case tuple():
            return [_part(item) for item in value]
        case Mapping():
            return {name: _part(item) for name, item in value.items()}
        case _:
            return value


def request_from(value: Mapping[str, Any]) -> JobRequest:
    """Read a request from JSON.

    Raises:
        KeyError, TypeError, ValueError: the value is not a request.
    """
    values = known(JobRequest, value)
    policy = {name: tuple(item) if isinstance(item, list) else item for name, item in values.get("policy", {}).items()}
    limit = values.get("limit")
    unique: dict[str, Any] = {
        name: tuple(part) if isinstance(part, list) else part
        for name, part in known(UniqueRequest, values.get("unique") or {}).items()
    }
    depends_on = tuple(Dependency(**known(Dependency, item)) for item in values.get("depends_on", ()))
    read = {
        "policy": policy,
        "limit": None if limit is None else Limit(**known(Limit, limit)),
        "depends_on": depends_on,
        "unique": UniqueRequest(**unique) if unique else None,
    }
    return JobRequest(**values | read)
