"""Keys of the one table; docs/design/storage.md lists its items."""

import hashlib
from typing import Final, NamedTuple

# DynamoDB's sort keys have 1,024 bytes at most.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html#limits-partition-sort-keys
ONCE_NAME_BYTES: Final = 512
# Notes of who waits for a job's end begin so.
DEPENDENT: Final = "dependent#"
# Kinds of belongings that stand for more than themselves.
BLOB: Final = "blob"
MEMBERS: Final = "members"


class Key(NamedTuple):
    """Primary key of an item."""

    pk: str
    sk: str


# Which tenants have had dead jobs: for operators, who see those of all.
TENANTS_PK: Final = "TENANTS"
# How far `whendue migrate` is with a table of an earlier version.
MIGRATION_KEY: Final = Key("TABLE", "migration")


def job_key(job_id: str) -> Key:
    """Return the key of a job's hot item."""
    return Key(f"JOB#{job_id}", "job")


def job_id_of(pk: str) -> str:
    """Return the job id in a hot item's `pk`."""
    return pk.removeprefix("JOB#")


def _kind(name: str, life: int | None) -> str:
    """Name a kind of belonging; what an earlier job under the same Idempotency-Key left never stands in."""
    return f"{name}#" if life is None else f"{name}@{life}#"


def kind_of(sk: str) -> str:
    """Name the kind of belonging that a sort key is of."""
    return sk.partition("#")[0].partition("@")[0]


def name_of(sk: str) -> str:
    """Return the part after the kind in the sort key of an item that belongs to a job."""
    return sk.partition("#")[2]


def life_of(sk: str) -> int | None:
    """Return the life in the sort key of an item that belongs to a job; None if it has none."""
    _, at, life = sk.partition("#")[0].partition("@")
    return int(life) if at and life.isdecimal() else None


def payload_key(job_id: str, request_hash: str, life: int | None = None) -> Key:
    """Return the key of a payload's own item; the hash keeps a reused Idempotency-Key from swapping payloads."""
    return Key(f"JOB#{job_id}", f"{_kind('payload', life)}{request_hash}")


def result_key(job_id: str, fence: str) -> Key:
    """Return the key of a result's own item; the fence keeps a stale worker from overwriting a later result."""
    return Key(f"JOB#{job_id}", f"result#{fence}")


def attempt_key(job_id: str, generation: int, life: int | None = None) -> Key:
    """Return the key of a failed attempt's item; a generation has at most one failed attempt."""
    return Key(f"JOB#{job_id}", f"{_kind('attempt', life)}{generation:06d}")


def change_key(job_id: str, number: int, life: int | None = None) -> Key:
    """Return the key of something that was asked of a job, numbered from 1; the newest stands in the job alone."""
    return Key(f"JOB#{job_id}", f"{_kind('change', life)}{number:06d}")


def change_range(life: int | None = None) -> tuple[str, str]:
    """Return the sort keys between which a job's changes are."""
    kind = _kind("change", life)
    return kind, f"{kind}~"


def log_key(job_id: str, generation: int, fence: str, life: int | None = None) -> Key:
    """Return the key of what an attempt logged; a generation that lost its worker has several, by their fences."""
    return Key(f"JOB#{job_id}", f"{_kind('log', life)}{generation:06d}#{fence}")


def log_range(life: int | None = None) -> tuple[str, str]:
    """Return the sort keys between which a job's logs are."""
    kind = _kind("log", life)
    return kind, f"{kind}~"


def dependencies_key(job_id: str, request_hash: str, life: int | None = None) -> Key:
    """Return the key of the list of a job's dependencies; the hash as for payloads."""
    return Key(f"JOB#{job_id}", f"{_kind('dependencies', life)}{request_hash}")


def members_key(job_id: str, life: int | None) -> Key:
    """Return the key of the note that a composite has created members; it is written before them."""
    return Key(f"JOB#{job_id}", _kind(MEMBERS, life))


def blob_key(job_id: str, blob: str, life: int | None) -> Key:
    """Return the key of the note that a text of the job is in the bucket under the key `blob`; written before it."""
    return Key(f"JOB#{job_id}", f"{_kind(BLOB, life)}{blob}")


def dependent_key(job_id: str, dependent_id: str, dependent_hash: str) -> Key:
    """Return the key of the note that another job depends on this one; the hash is of the other's request."""
    return Key(f"JOB#{job_id}", f"{DEPENDENT}{dependent_id}#{dependent_hash}")


def dependent_of(sk: str) -> tuple[str, str]:
    """Return the job that a note is about, and the hash of its request."""
    dependent_id, _, dependent_hash = sk.removeprefix(DEPENDENT).partition("#")
    return dependent_id, dependent_hash


def cursor_key(purpose: str, partition: str) -> Key:
    """Return the key of the timer's position in a due index partition, as it was stored once: an item each."""
    return Key(f"CURSOR#{partition}", purpose)


def cursors_key(purpose: str, queue: str) -> Key:
    """Return the key of the timer's positions (`promote` or `rescue`) in all partitions of a queue."""
    return Key(f"CURSORS#{queue}", purpose)


def profile_key(tenant: str, name: str) -> Key:
    """Return the key of a profile's current item; all of a tenant's share a partition."""
    return Key(f"PROFILE#{tenant}", name)


def profile_version_key(tenant: str, name: str, version: int) -> Key:
    """Return the key of one version of a profile; neither tenants nor names contain a `#`."""
    return Key(f"PROFILE#{tenant}#{name}", f"v#{version:06d}")


def once_key(job_id: str, name: str, life: int | None = None) -> Key:
    """Return the key of the record behind `ctx.once(name)`; a name that cannot be part of a key is hashed."""
    raw = name.encode(errors="surrogatepass")
    if 0 < len(raw) <= ONCE_NAME_BYTES and name.isprintable():
        return Key(f"JOB#{job_id}", f"{_kind('once', life)}{name}")
    return Key(f"JOB#{job_id}", f"{_kind('once-hash', life)}{hashlib.sha256(raw).hexdigest()}")


def limit_pk(tenant: str, key: str) -> str:
    """Return the partition of a limit's key: its `rate`, its slots, its waiters; a key has no `#`."""
    return f"LIMIT#{tenant}#{key}"


def slot_key(pk: str, number: int) -> Key:
    """Return the key of one of a limit's slots, from 0."""
    return Key(pk, f"slot#{number:03d}")


def waiter_key(pk: str, since: int, job_id: str) -> Key:
    """Return the key of a waiter in the wait queue: ordered by the time it was due, ms UTC."""
    return Key(pk, f"waiter#{since:015d}#{job_id}")


def rate_key(pk: str) -> Key:
    """Return the key of a limit's theoretical arrival time."""
    return Key(pk, "rate")


def unique_key(unique_id: str) -> Key:
    """Return the key of the item that says which job took a unique key last."""
    return Key(f"UNIQUE#{unique_id}", "holder")


def waits_key(tenant: str, window: int) -> Key:
    """Return the key of the count of a tenant's requests that began to wait in a window, numbered from 1970."""
    return Key(f"WAITS#{tenant}", f"{window:015d}")


def subscription_key(tenant: str, name: str) -> Key:
    """Return the key of a subscription; all of a tenant's share a partition."""
    return Key(f"SUBSCRIPTIONS#{tenant}", f"subscription#{name}")


def sign_in_key(code: str) -> Key:
    """Return the key of a one-time link to the dashboard of a dev stack; the table does not hold its code."""
    return Key(f"SIGN_IN#{hashlib.sha256(code.encode()).hexdigest()}", "link")


def counter_pk(shard: int) -> str:
    """Return the partition of one shard of the metrics. A change of the fields (metrics/model.py) needs a new `v`."""
    return f"COUNTER#v1#{shard}"


def dead_tenant_key(tenant: str) -> Key:
    """Return the key of the note that jobs of a tenant have died."""
    return Key(TENANTS_PK, f"dead#{tenant}")


def tenant_of(sk: str) -> str:
    """Return the tenant in the sort key of such a note."""
    return sk.removeprefix("dead#")


def usage_key(month: str, consumer: str) -> Key:
    """Return the key of what a tenant's jobs of one type have consumed in a UTC month, as in 2026-11."""
    return Key(usage_pk(month), consumer)


def usage_pk(month: str) -> str:
    """Return the partition of a month's consumption; all tenants share it. A change of the fields needs a new `v`."""
    return f"USAGE#v1#{month}"


def counter_key(shard: int, series: str) -> Key:
    """Return the key of a series' item in a shard."""
    return Key(counter_pk(shard), series)
