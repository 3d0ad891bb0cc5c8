"""What keeps jobs from each other, as a job carries it: its limit, what it waits for there, and its unique key."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from whendue.quotas import EXPIRES_MIN_S, HORIZON_S, UNIQUE_KEY_BYTES, UNIQUE_PATH_BYTES, UNIQUE_PATHS

Scope = Literal["pending", "running", "until_success", "for_seconds"]
OnConflict = Literal["return", "reject", "replace", "postpone"]
# What code may say of a unique key, as the API's `unique`.
UNIQUE_FIELDS: Final = ("key", "by_payload", "scope", "for_seconds", "on_conflict", "max_wait_seconds")


@dataclass(frozen=True, slots=True)
class Limit:
    """How many jobs of a key may run at once, and how many may start per second; None sets no limit."""

    concurrency: int | None = None
    rate_per_s: float | None = None
    key: str | None = None  # None: the profile's name (for a profile), the job's type otherwise


@dataclass(frozen=True, slots=True)
class Wait:
    """What a job waits for that a limit does not let start.

    Args:
        what: `slot`: one of the key's slots; `rate`: its token, which is good from the job's due time on.
        key: the limit's key.
        limit: the number that it is held back by, as it was then.
        since: when the attempt was due before it had to wait, ms UTC; its place in the line.
        late: how often in a row it came too late for its token.
        far: no token was to be had within the horizon: it asks again at its due time; None is no.
    """

    what: Literal["slot", "rate"]
    key: str
    limit: float
    since: int
    late: int = 0
    far: bool | None = None


@dataclass(frozen=True, slots=True)
class Unique:
    """The unique key that a job took when it was submitted; `whendue.submission.unique_policy` says until when.

    Args:
        id: the key, as a keyed hash of it.
        scope: which of the job's states hold it.
        until: from when on the job does not hold it, whatever its state, ms UTC.
        since: when the first of the jobs was submitted that were replaced by each other, ms UTC; None: this is it.
        replaced: the id of the job that it has replaced; None for none.
        latest: up to when later submits may put it off, ms UTC; None: they were not said to.
    """

    id: str
    scope: Scope
    until: int
    since: int | None = None
    replaced: str | None = None
    latest: int | None = None

    @property
    def outlives_death(self) -> bool:
        """Whether a dead job holds it."""
        return self.scope in ("until_success", "for_seconds")


def unique_problem(asked: object) -> str | None:
    """Return why this cannot be the unique key that code asks for; None if it can.

    Args:
        asked: fields of `UNIQUE_FIELDS`, by name. The API's schema checks the same of requests.
    """
    if not isinstance(asked, Mapping) or any(name not in UNIQUE_FIELDS for name in asked):
        return f"must have fields among {', '.join(UNIQUE_FIELDS)}"
    said = {name: value for name, value in asked.items() if value is not None}
    if ("key" in said) == ("by_payload" in said):
        return "must have exactly one of key and by_payload"
    for name, is_right in _RIGHT.items():
        if name in said and not is_right(said[name]):
            return f"has no valid {name}"
    if (said.get("scope") == "for_seconds") != ("for_seconds" in said):
        return "must have for_seconds with the scope for_seconds, and not with another"
    if (said.get("on_conflict") == "postpone") != ("max_wait_seconds" in said):
        return "must have max_wait_seconds with the on_conflict postpone, and not with another"
    return None


def _is_text(value: object, most: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= most and value.isprintable()


def _is_path(value: object) -> bool:
    return isinstance(value, str) and len(value) <= UNIQUE_PATH_BYTES and all(value.split("."))


def _are_paths(value: object) -> bool:
    return isinstance(value, list | tuple) and len(value) <= UNIQUE_PATHS and all(map(_is_path, value))


def _is_time(value: object, least_s: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least_s <= value <= HORIZON_S


_RIGHT: Final[Mapping[str, Any]] = {
    "key": lambda value: _is_text(value, UNIQUE_KEY_BYTES),
    "by_payload": _are_paths,
    "scope": lambda value: value in get_args(Scope),
    "for_seconds": lambda value: _is_time(value, EXPIRES_MIN_S),
    "on_conflict": lambda value: value in get_args(OnConflict),
    "max_wait_seconds": lambda value: _is_time(value, 0),
}


def effective(asked: Limit | None, profile: Limit | None, *, profile_name: str, job_type: str) -> Limit | None:
    """Put a job's limit together, the request over the profile field by field; None where nothing is limited.

    Keys that are derived have a colon, which no name has: the keys of a profile, of a type and of a user never collide.
    """
    own, base = asked or Limit(), profile or Limit()
    concurrency = own.concurrency if own.concurrency is not None else base.concurrency
    rate_per_s = own.rate_per_s if own.rate_per_s is not None else base.rate_per_s
    if concurrency is None and rate_per_s is None:
        return None
    unnamed = f"profile:{profile_name}" if profile else f"type:{job_type}"
    return Limit(concurrency, rate_per_s, own.key or base.key or unnamed)
