"""Laws of the domain, for any input."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.builders.world import IDS
from whendue.aws_quotas import SQS_MAX_DELAY_S
from whendue.engine.message import UnreadableMessageError, delay_s, from_body, to_body
from whendue.jobs import due_index
from whendue.jobs import retry_policy as retry
from whendue.jobs.failures import clip, fingerprint
from whendue.jobs.limit_spec import Limit, Wait
from whendue.jobs.model import Failure, Job, Policy, State, evolve, from_item, item_bytes, to_item
from whendue.jobs.rescue_policy import decide, ended_by_loss, interval_ms
from whendue.quotas import MAX_LOST
from whendue.settings import Timing
from whendue.submission.request import JobRequest, request_hash
from whendue.table.keys import Key
from whendue.table.writes import REMOVE, Absent, Is, Plus, Write, already_done, applied_to, holds

TIMING = Timing()
times = st.integers(0, 2**42)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
policies = st.builds(
    Policy,
    max_attempts=st.integers(1, 50),
    base_s=st.floats(0.001, 1e5).map(lambda x: round(x, 3)),
    factor=st.floats(1, 10).map(lambda x: round(x, 2)),
    cap_s=st.floats(0.001, 86_400).map(lambda x: round(x, 3)),
    jitter=st.sampled_from(["full", "none"]),
    lease_s=st.integers(2, 3600),
    never_retry=st.lists(st.sampled_from(["timeout", "ValueError", "a.b-c"]), unique=True).map(tuple),
)
failures = st.builds(
    Failure, texts, texts, texts, st.just("ab" * 8), st.integers(1, 50), st.integers(1, 99), times, st.none() | times
)
jobs = st.builds(
    Job,
    id=st.uuids().map(str),
    tenant=texts,
    type=texts,
    queue=st.sampled_from(["critical", "high", "normal", "low"]),
    profile=texts,
    due_pk=st.integers(0, 15).map(lambda shard: f"live#normal#{shard}"),
    check_at=times,
    due_at=times,
    scheduled_at=times,
    created_at=times,
    request_hash=texts,
    policy=policies,
    state=st.sampled_from(State),
    generation=st.integers(1, 99),
    failures=st.integers(0, 50),
    claims=st.integers(0, 60),
    lease_until=times,
    rescues=st.integers(0, 99),
    cancel_requested=st.booleans(),
    fence=st.none() | texts,
    last=st.none() | failures,
    payload=st.none() | texts,
    tags=st.none() | st.dictionaries(texts, texts, max_size=3),
    profile_version=st.none() | st.integers(1, 999_999),
    follow=st.none() | st.just(True),
    sources=st.none() | st.text("rptd", min_size=9, max_size=9),
    limit=st.none()
    | st.builds(Limit, st.none() | st.integers(1, 100), st.none() | st.floats(0.001, 500), st.none() | texts),
    waits_for=st.none() | st.builds(Wait, st.sampled_from(["slot", "rate"]), texts, st.integers(1, 99), times),
)


@given(jobs)
def test_a_job_survives_table_and_message(job: Job) -> None:
    """What is read is what was written, else a claim works on another job than was stored."""
    assert from_item(to_item(job)) == job
    assert from_body(to_body(job)) == job


@given(st.text() | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(json.dumps))
def test_a_foreign_message_is_unreadable_never_a_crash(body: str) -> None:
    """Anything may stand in a queue; it must not take the batch with it."""
    with pytest.raises(UnreadableMessageError):
        from_body(body)


@given(policies, st.integers(1, 50), st.floats(0, 1, exclude_max=True))
def test_backoff_stays_between_zero_and_its_cap(policy: Policy, count: int, draw: float) -> None:
    """A retry never waits longer than its policy says, however often it failed."""
    delay = retry.delay_ms(policy, count, draw)
    assert 0 <= delay <= round(1000 * policy.cap_s)
    assert delay <= round(1000 * retry.backoff_s(policy, count))
    assert retry.backoff_s(policy, count) <= retry.backoff_s(policy, count + 1)


@given(times, times)
def test_a_message_never_arrives_before_its_job_is_due(due_at: int, now_ms: int) -> None:
    """G6: the delay is rounded up, and SQS's limit is kept."""
    delay = delay_s(due_at, now_ms)
    assert 0 <= delay <= SQS_MAX_DELAY_S
    assert now_ms + delay * 1000 >= due_at or delay == SQS_MAX_DELAY_S
    assert delay == 0 or now_ms + (delay - 1) * 1000 < due_at


@given(times, times)
def test_either_the_writer_or_the_timer_sends_never_both_never_none(due_at: int, scheduled_at: int) -> None:
    """Every job's first message has exactly one sender."""
    check_at = due_index.first_check(due_at, TIMING)
    assert due_index.is_first_check(due_at, check_at, TIMING)
    job = Job(
        id="1", tenant="t", type="t", queue="low", profile="p", due_pk="live#low#0", check_at=check_at,
        due_at=due_at,
        scheduled_at=scheduled_at, created_at=scheduled_at, request_hash="", policy=Policy(),
    )  # fmt: skip
    by_writer = due_index.writer_sends(check_at, scheduled_at, TIMING)
    assert by_writer != due_index.owner_is_promote(job, TIMING)


@given(times, st.integers(0, TIMING.margin_ms))
def test_a_writer_close_to_the_check_sends_whatever_the_timer_can_see(check_at: int, early_ms: int) -> None:
    """The index lags and clocks differ: a timer whose cursor is past the next check already would never see the job."""
    assert due_index.writer_sends(check_at, check_at - early_ms, TIMING)
    assert not due_index.writer_sends(check_at, check_at - TIMING.margin_ms - 1 - early_ms, TIMING)


values = st.none() | st.booleans() | st.integers(-9, 9) | texts
items = st.dictionaries(st.sampled_from("abcd"), values.filter(lambda value: value is not None), max_size=4)
changes = st.dictionaries(st.sampled_from("abcd"), values.map(lambda value: REMOVE if value is None else value))


@given(items, changes)
def test_a_write_repeated_is_recognised_as_done(item: dict[str, object], change: dict[str, object]) -> None:
    """A lost reply must look like a success, whatever the write."""
    write = Write("any", Key("p", "s"), [], change)
    assert already_done(write, applied_to(write, item))


@given(items, items)
def test_a_write_that_was_not_ours_is_not_taken_for_done(left: dict[str, object], right: dict[str, object]) -> None:
    """Somebody else's item must stay a refusal."""
    write = Write("any", Key("p", "s"), [Absent()], right)
    agrees = all(left.get(name) == value for name, value in right.items())
    assert already_done(write, left) is agrees


@given(items)
def test_conditions_fail_on_missing_fields(item: dict[str, object]) -> None:
    """As in DynamoDB: a comparison with nothing is false, also `is not`."""
    for name in "abcd":
        assert holds(Is(name, item.get(name)), item) is (name in item)
    assert not holds(Absent(), item)
    assert holds(Absent(), None)
    assert applied_to(Write("n", Key("p", "s"), [], {"n": Plus(2)}), {"n": 1})["n"] == 3


@given(st.text(min_size=1), st.text(min_size=1), texts)
def test_ids_derived_from_different_tenants_differ(left: str, right: str, key: str) -> None:
    """G2: the same key of two tenants must not be the same job."""
    assert (IDS.of_key(left, key) == IDS.of_key(right, key)) is (left == right)


@given(texts, texts)
def test_requests_hash_by_what_they_ask(left: str, right: str) -> None:
    """A different body under the same key must be seen."""
    hashes = [request_hash(JobRequest("ok", {"text": text})) for text in (left, right)]
    assert (hashes[0] == hashes[1]) is (left == right)
    keyed = request_hash(JobRequest("ok", {"text": left}, idempotency_key=right))
    assert keyed == hashes[0]


@given(st.text(), st.integers(3, 300))
def test_clipping_keeps_within_bytes_and_never_splits_a_character(text: str, size: int) -> None:
    """An error message must always be storable."""
    short = clip(text, size)
    assert len(short.encode()) <= size
    assert short == text or short.endswith("…") or "?" in short


@given(st.integers(), st.integers(), st.uuids())
def test_the_same_error_of_two_jobs_has_one_fingerprint(left: int, right: int, job_id: object) -> None:
    """Dead letters are grouped by what went wrong, not by which id it went wrong for."""
    where = "shop.mail:send"
    prints = {
        fingerprint("KeyError", f"order {abs(n)} of {job_id} has no '{n}'", f"{where}:{abs(n)}") for n in (left, right)
    }
    assert len(prints) == 1
    assert fingerprint("ValueError", "order 1", where) not in prints


@given(jobs, times, st.booleans())
def test_rescue_leaves_finished_jobs_alone_and_gives_every_live_one_a_later_check(
    job: Job, now_ms: int, late: bool
) -> None:
    """Every live job keeps exactly one next check; a finished one has none."""
    step = decide(job, now_ms, late=late)
    if job.terminal or (job.state is State.PENDING and late):
        assert step is None
    else:
        assert step is not None
        assert step.job.terminal or (step.job.check_at or 0) > now_ms


@given(jobs, times)
def test_what_may_not_run_again_is_ended_where_it_is_seen(job: Job, now_ms: int) -> None:
    """By the timer itself, without another message; but never while a worker holds it."""
    lost = evolve(
        job, state=State.RUNNING, lease_until=now_ms - 1, claims=job.failures + MAX_LOST, cancel_requested=False
    )
    for item, end in ((lost, State.DEAD), (evolve(lost, cancel_requested=True), State.CANCELLED)):
        step = decide(item, now_ms, late=False)
        assert step is not None
        assert step.job.state is end
        held = evolve(item, lease_until=now_ms)
        assert ended_by_loss(held, now_ms) is None


@given(st.integers(0, 200))
def test_rescue_intervals_grow_to_their_bound(rescues: int) -> None:
    """G11: the longer a job is rescued in vain, the less often."""
    assert interval_ms(rescues) <= interval_ms(rescues + 1) <= 900_000


@given(jobs)
def test_an_items_size_is_never_underrated(job: Job) -> None:
    """The hot item's write unit is planned with this number: names and texts count in full."""
    item = to_item(job)
    texts_and_names = sum(
        len(name) + (len(value.encode()) if isinstance(value, str) else 0) for name, value in item.items()
    )
    assert item_bytes(item) > texts_and_names
