"""Requests, results and definitions of every kind: mostly ones that are accepted, with odd values in every place."""

import json
from typing import Any

from hypothesis import strategies as st

Json = Any

# EXCLUDED: what is accepted and is not yet readable; set each to True, or take it out, once it is.
TINY_NUMBERS = True  # 0 < x < 1e-130, which the table cannot hold: a 500 in a job's, a profile's, a schedule's backoff
DEEP_RESULTS = True  # 254 to about 500 levels deep: the job succeeds, and reading it is a 500
LARGE_ANSWERS = True  # payload and result of 1 MiB each, non-ASCII: reading the job is over Lambda's 6,291,556 bytes

# Names, and things that are none.
names = st.from_regex(r"[A-Za-z0-9._-]{1,64}", fullmatch=True)
odd_texts = st.sampled_from(
    [
        "",
        " ",
        "\n",
        "\t",
        "\x7f",
        "\x1f",
        "\x00",
        "\u2028",
        "\ufeff",
        "\u202e",
        "\U0001f600",
        "e\u0301",
        "\\u0000",
        "\\",
        '"',
        "</script>",
        "$from",
        "null",
        "NaN",
        "\ud800",
        "a" * 64,
        "\u00e9" * 64,
        "\U0001f600" * 16,
        "%00",
        "{}",
        "[]",
    ]
)
texts = st.text(max_size=40) | odd_texts
integers = (
    st.integers(-(2**63), 2**63 - 1)
    | st.integers(-(10**40), 10**40)
    | st.sampled_from([0, -1, 10**17, 10**18, -(10**17), 2**53 + 1, 2**63, 2**64])
)
floats = st.floats(allow_nan=False, allow_infinity=False) | st.sampled_from([-0.0, 1e-300, 5e-324, 1e308, 0.1, 1e22])
scalars = st.none() | st.booleans() | integers | floats | texts


def nested(depth: int, core: Json, *, lists: bool) -> Json:
    """Wrap a value so many times."""
    for _ in range(depth):
        core = [core] if lists else {"a": core}
    return core


deep = st.builds(
    lambda depth, core, lists: nested(depth, core, lists=lists), st.integers(1, 40), scalars, lists=st.booleans()
)
wide = st.builds(lambda count, item: [item] * count, st.integers(1, 3000), scalars)
long_texts = st.builds(
    lambda item, count: item * count,
    st.sampled_from(["a", "\u00e9", "\U0001f600", "\\", "\x01"]),
    st.sampled_from([300, 500, 90_000, 300_000]),
)
trees = st.recursive(
    scalars, lambda part: st.lists(part, max_size=4) | st.dictionaries(texts, part, max_size=4), max_leaves=12
)
values = trees | deep | wide | long_texts
if LARGE_ANSWERS:
    values = values | st.just("\U0001f600" * 262_000)


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Draw objects with any of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


positive = st.floats(0, 86_400, exclude_min=True) | st.integers(1, 86_400) | st.sampled_from([1e-9, 0.1, 1e-5, 86_400])
if TINY_NUMBERS:
    positive = positive | st.sampled_from([1e-300, 5e-324, 9e-131])
else:
    positive = positive.filter(lambda number: number >= 1e-130)
backoffs = objects(
    baseSeconds=positive,
    factor=st.floats(1, 100) | st.integers(1, 100),
    capSeconds=positive,
    jitter=st.sampled_from(["full", "none"]),
)
limits = objects(
    concurrency=st.integers(1, 100), ratePerSecond=st.floats(0.001, 500) | st.integers(1, 500), key=names
).filter(bool)
policies = {
    "retries": st.integers(0, 3),
    "backoff": backoffs,
    "timeoutSeconds": st.integers(1, 57),
    "leaseSeconds": st.integers(2, 3600),
    "retentionSeconds": st.integers(60, 30 * 86_400),
    "neverRetry": st.lists(names, max_size=3),
}
tags = st.dictionaries(texts.filter(bool) | names, texts, max_size=3)
priorities = st.sampled_from(["critical", "high", "normal", "low"])
kinds = st.sampled_from(["ok", "bad", "give"])
template_fields = policies | {
    "payload": st.dictionaries(texts, values, max_size=3) | values,
    "priority": priorities,
    "followProfile": st.booleans(),
    "tags": tags,
    "group": names,
    "limits": limits,
}


def templates() -> st.SearchStrategy[dict[str, Any]]:
    """Draw what a job is, but for its time."""
    return st.builds(lambda kind, rest: {"type": kind} | rest, kinds, objects(**template_fields))


times = st.sampled_from(
    [
        "2027-01-15T08:00:00Z",
        "2027-01-15T08:05:00.123456789Z",
        "1970-01-01T00:00:00Z",
        "0001-01-01T00:00:00Z",
        "1969-12-31t23:59:59.9z",
        "2027-06-30T23:59:60Z",
        "2027-12-31T23:59:59.999-23:59",
        "9999-12-31T23:59:59Z",
        "2028-01-15T08:00:00+14:00",
    ]
)
delays = st.floats(0, 1000) | st.integers(0, 366 * 86_400) | st.sampled_from([0, 1e-9, 0.0005, 119.9995, 31_622_400])
jobs = st.builds(
    lambda template, when: template | when,
    templates(),
    st.just({}) | st.fixed_dictionaries({"delaySeconds": delays}) | st.fixed_dictionaries({"dueAt": times}),
)
keys = st.none() | st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255)

# --- what tasks give back ----------------------------------------------------------------------------------------


class Odd:
    """Nothing that JSON knows."""

    def __repr__(self) -> str:
        return "<\ud800>"


depths = [33, 100, 253, 990, 2000] + ([254, 300, 500] if DEEP_RESULTS else [])
results = (
    values
    | st.builds(lambda depth, lists: nested(depth, 1, lists=lists), st.sampled_from(depths), lists=st.booleans())
    | st.sampled_from([float("nan"), float("inf"), 10**400, 10**5000, {"\ud800": 1}, {"a": {"\x00": "\x00"}}])
    | st.binary(max_size=20)
    | st.sets(st.integers(), max_size=3)
    | st.tuples(values, scalars)
    | st.dictionaries(st.integers() | st.none() | st.booleans(), scalars, max_size=3)
    | st.builds(Odd)
    | st.builds(lambda count: "x" * count, st.sampled_from([400, 401, 262_144, 1_048_574, 1_048_575, 2_000_000]))
)
messages = texts | long_texts
error_types = st.sampled_from(
    [RuntimeError, ValueError, KeyError, OSError, TimeoutError, MemoryError, RecursionError, UnicodeError]
)
errors = st.builds(lambda kind, message: kind(message), error_types, messages) | st.builds(
    lambda name, message: type(name, (Exception,), {})(message),
    st.sampled_from(["A" * 300, "\u00c4rger", "x y", "_"]),
    messages,
)


def size(value: Json) -> int:
    """Count the bytes of a value as JSON."""
    return len(json.dumps(value))
