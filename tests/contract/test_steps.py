"""The job's transitions on every table: carried out, read back, refused to the stale, won by one of many."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from scripts.state_diagram import ARROWS
from tests.builders.samples import (
    AFTER_CLAIM,
    LIVE,
    MINE,
    NOW,
    STEPS,
    THEIRS,
    TIMING,
    Apply,
    a_job,
    an_error,
    insert_of,
    key_of,
    running,
)
from whendue.engine.ports import JobStore, WriteResult, WriteStatus
from whendue.jobs import transitions
from whendue.jobs.due_index import dead_partition
from whendue.jobs.model import Job, from_item
from whendue.table.index import Index, IndexQuery
from whendue.table.writes import Plus, Write

THREADS = 32


def stored(store: JobStore, job: Job) -> Job:
    [end] = store.apply([transitions.submit(job, TIMING)])
    assert end.done
    return job


def read(store: JobStore, job: Job) -> Job:
    [item] = store.get([job.key])
    assert item is not None
    return from_item(item)


def places(store: JobStore, partition: str) -> list[str]:
    return [entry.pk for entry in store.query_due(partition, after=None, until_ms=NOW * 2, limit=10)]


def test_every_transition_is_tried_below() -> None:
    """A new constructor must join the contract."""
    assert {edge.name for edge in ARROWS} == {"submit"} | {name.split()[0] for name in STEPS}


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", STEPS)
def test_a_transition_carried_out_reads_back_as_the_job_it_promised(store: JobStore, apply: Apply, name: str) -> None:
    """Services go on with `transition.job` and read nothing back."""
    make, step = STEPS[name]
    job = stored(store, make())
    transition = step(job)
    assert apply(store, transition).status is WriteStatus.DONE
    assert read(store, job) == transition.job


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", STEPS)
def test_a_transition_carried_out_twice_is_done_and_changes_nothing_more(store: JobStore, name: str) -> None:
    """The lost-reply rule holds for each of them."""
    make, step = STEPS[name]
    transition = step(stored(store, make()))
    assert [store.apply([transition])[0].status for _ in range(2)] == [WriteStatus.DONE] * 2
    assert read(store, transition.job) == transition.job


@pytest.mark.sampled(5)
@pytest.mark.parametrize("name", AFTER_CLAIM)
def test_a_stale_fence_changes_nothing(store: JobStore, apply: Apply, name: str) -> None:
    """G5: every write after the claim carries the fence."""
    job = stored(store, running(fence=THEIRS))
    before = store.get([job.key])
    end = apply(store, STEPS[name][1](running(fence=MINE, cancel_requested=name == "finish_cancelled")))
    assert end.status is WriteStatus.REFUSED
    assert end.current == before[0]
    assert store.get([job.key]) == before


def test_a_finished_job_leaves_the_due_index(store: JobStore) -> None:
    """The due index is sparse: what is done is no longer where the timer looks."""
    job = stored(store, running())
    assert places(store, LIVE) == [job.key.pk]
    store.apply([transitions.succeed(job, NOW, None)])
    assert places(store, LIVE) == []


def test_a_dead_job_is_listed_with_its_error_until_it_is_redriven(store: JobStore) -> None:
    """Dead letters are counted from the entries alone."""
    job = stored(store, running())
    dead = transitions.fail(job, an_error(job), NOW, TIMING, draw=0, final=True)
    assert store.apply([dead])[0].done
    partition = dead_partition("acme", job.shard)
    assert places(store, LIVE) == []
    [page] = store.query_newest([IndexQuery(Index.DUE, partition, 10)])
    [entry] = page.entries
    assert (entry.key, entry.position.at_ms) == (job.key, NOW)
    assert entry.values["fingerprint"] == an_error(job).fingerprint
    assert (entry.values["tenant"], entry.values["type"], entry.values["queue"]) == (job.tenant, job.type, job.queue)
    assert entry.values["expires_at"] == dead.job.expires_at
    assert store.apply([transitions.redrive(dead.job, NOW, NOW, TIMING)])[0].done
    assert places(store, partition) == []
    assert places(store, LIVE) == [job.key.pk]


def test_a_new_job_is_in_the_list_of_its_tenant_for_good(store: JobStore) -> None:
    """Its entry is written once, whatever becomes of the job."""
    job = stored(store, running(tags={"team": "billing"}, schedule="nightly"))
    query = IndexQuery(Index.TENANT, job.tenant_pk, 10)
    before = store.query_newest([query])
    assert [entry.key for entry in before[0].entries] == [job.key]
    assert before[0].entries[0].values == {"type": job.type, "schedule": "nightly", "tags": {"team": "billing"}}
    store.apply([transitions.succeed(job, NOW, None)])
    assert store.query_newest([query]) == before


def race(runners: int, store: JobStore, writes: list[list[Write]]) -> list[WriteResult]:
    """Apply batches at the same moment; return the outcome of the first write of each."""
    start = threading.Barrier(runners)

    def run(batch: list[Write]) -> WriteResult:
        start.wait()
        return store.apply(batch)[0]

    with ThreadPoolExecutor(runners) as pool:
        return list(pool.map(run, writes))


@pytest.mark.parametrize("batch", ["alone", "among others"])
def test_of_many_claims_of_one_job_exactly_one_wins(store: JobStore, batch: str) -> None:
    """G4: two executions overlap only after a lease expired."""
    for round_ in range(3):
        job = stored(store, a_job(f"contested-{round_}"))
        claims: list[list[Write]] = [[transitions.claim(job, f"fence-{number}", NOW)] for number in range(THREADS)]
        if batch != "alone":
            claims = [[*claim, insert_of(f"aside-{round_}-{number}")] for number, claim in enumerate(claims)]
        results = race(THREADS, store, claims)
        [winner] = [number for number, end in enumerate(results) if end.done]
        assert {end.status for end in results} == {WriteStatus.DONE, WriteStatus.REFUSED}
        assert (read(store, job).fence, read(store, job).claims) == (f"fence-{winner}", 1)
        assert {end.current["fence"] for end in results if end.current} == {f"fence-{winner}"}


def test_of_many_submits_under_one_id_exactly_one_wins(store: JobStore) -> None:
    """G2: the same Idempotency-Key is the same job, whoever comes first."""
    submits: list[list[Write]] = [
        [transitions.submit(a_job("same", request_hash=f"hash-{number}"), TIMING)] for number in range(THREADS)
    ]
    results = race(THREADS, store, submits)
    [winner] = [number for number, end in enumerate(results) if end.done]
    assert read(store, a_job("same")).request_hash == f"hash-{winner}"


def test_sums_of_many_threads_add_up(store: JobStore) -> None:
    """Plus is carried out where the item is, not read and written back."""
    store.apply([insert_of("counter", count=0)])
    add: Write = Write("add", key_of("counter"), [], {"count": Plus(1)})
    race(THREADS, store, [[add] for _ in range(THREADS)])
    [item] = store.get([key_of("counter")])
    assert item is not None
    assert item["count"] == THREADS
