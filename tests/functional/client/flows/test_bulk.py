"""whendue.client.flows.bulk: any number of jobs in batches that the API takes, none of them twice."""

import json
from typing import Any

from tests.builders.world import World
from tests.functional.client.servers import Reply, an_api, answer, both, dropped, misbehaving, problem
from whendue.client import BatchJob, NewJob, UnavailableError
from whendue.client.flows import bulk
from whendue.quotas import BODY_BYTES, BULK_JOBS


def test_many_jobs_are_submitted_in_batches_and_answered_in_order() -> None:
    """The largest that the API takes."""
    world = World()
    with an_api(world) as (client, _):
        items = client.submit_jobs(NewJob("ok", {"n": number}) for number in range(BULK_JOBS + 2))
        assert [item.status for item in items] == [202] * (BULK_JOBS + 2)
        last = items[-1].job
        assert last is not None
        assert client.get_job_payload(last.id) == {"n": BULK_JOBS + 1}
        assert client.submit_jobs([]) == ()


def test_the_bounds_are_those_of_the_api() -> None:
    """A larger batch would be refused as a whole."""
    assert bulk.BATCH_JOBS == BULK_JOBS
    assert BODY_BYTES - 4096 < bulk.BATCH_BYTES < BODY_BYTES


def test_large_jobs_are_sent_in_smaller_batches() -> None:
    """Seven times 900 KiB are more than one request may have."""
    world = World()
    with an_api(world) as (client, _):
        items = client.submit_jobs([NewJob("ok", {"text": "x" * 900 * 1024}) for _ in range(7)])
    assert [item.status for item in items] == [202] * 7


def test_a_call_that_broke_off_is_continued_with_its_key() -> None:
    """The error has the key, and jobs that were stored are not created again."""
    world = World()
    jobs = [NewJob("ok", {"n": number}) for number in range(BULK_JOBS + 1)]
    with an_api(world) as (client, _):
        first = client.submit_jobs(jobs, idempotency_key="k")
        again = client.submit_jobs(jobs, idempotency_key="k")
    assert {item.status for item in again} == {200}
    assert [item.job and item.job.id for item in again] == [item.job and item.job.id for item in first]


def _batch(status: int = 207) -> Reply:
    return answer(status, {"items": []})


def test_each_batch_has_its_own_key_and_keeps_it() -> None:
    """The API derives a job's key from its position in the batch: one key for all would answer with other jobs."""
    replies = [dropped, _batch(), problem(503, "unavailable", Retry_After="99")]
    with misbehaving(*replies, *replies) as web:
        for number, (_, _, error) in enumerate(both(web, lambda client: client.submit_jobs([NewJob("ok")] * 501))):
            if number:
                continue
            assert isinstance(error, UnavailableError)
            key = error.idempotency_key
            assert [seen.headers["Idempotency-Key"] for seen in web.seen] == [f"{key}-0", f"{key}-0", f"{key}-1"]
            assert [len(json.loads(seen.body)["jobs"]) for seen in web.seen] == [500, 500, 1]


def test_jobs_that_refer_to_each_other_must_fit_into_one_batch() -> None:
    """The API knows a ref within its batch alone; nothing is sent."""
    with misbehaving(_batch()) as web:
        for _, _, error in both(web, lambda client: client.submit_jobs([BatchJob("ok", ref="r")] * 501)):
            assert isinstance(error, ValueError)
            assert web.seen == []


def test_redriving_all_goes_on_to_the_end() -> None:
    """And adds up what the requests have done."""

    def page(ids: list[str], cursor: str | None) -> Reply:
        body: dict[str, Any] = {"matched": len(ids), "redriven": ids, "failed": [], "dryRun": False}
        return answer(200, body | {"cursor": cursor, "missing": None, "operationId": None})

    with misbehaving(page(["a", "b"], "c1"), page([], "c2"), page(["c"], None)) as web:
        [(_, _, result), _] = list(both(web, lambda client: client.redrive_all_dead_letters()))
    assert (result.matched, result.redriven, result.cursor) == (3, ("a", "b", "c"), None)
