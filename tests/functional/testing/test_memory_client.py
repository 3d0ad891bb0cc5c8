"""whendue.testing.memory_client: the client of the API on a whendue in memory, without a socket."""

import pytest

from tests.builders import kit_tasks as tasks
from whendue.client import (
    InvalidRequestError,
    JobTemplate,
    NewJob,
    NewSchedule,
    NewSubscription,
    NewWorkflow,
    Node,
    NotFoundError,
    Unique,
)
from whendue.testing import WhendueApp
from whendue.testing.app import START


@pytest.fixture
def app() -> WhendueApp:
    return WhendueApp()


def test_what_a_client_submits_is_asserted(app: WhendueApp) -> None:
    """It is in the same table, and due by the same clock."""
    job = app.client.submit_job(NewJob("demo.kit.double", {"n": 3}, delay_seconds=60))
    [record] = app.assert_submitted(tasks.double, {"n": 3}, times=1, in_s=60)
    assert record.id == job.id
    assert job.created_at == START
    app.run_until_idle()
    assert app.client.get_job(job.id).result == {"doubled": 6}


def test_waiting_lets_time_pass(app: WhendueApp) -> None:
    """And takes none."""
    job = app.client.submit_job(NewJob("demo.kit.flaky", delay_seconds=600))
    assert app.client.wait_for_job(job.id, timeout_s=3600).result == 2
    assert app.now > START


def test_a_client_gets_the_errors_of_the_api(app: WhendueApp) -> None:
    """As over HTTP."""
    with pytest.raises(InvalidRequestError, match="does not fit"):
        app.client.submit_job(NewJob("demo.kit.double", {"n": -3}))
    with pytest.raises(NotFoundError):
        app.client.get_job("0198f0c2-6d5e-7c43-9c1f-1f0a8f6b2a11")


def test_workflows_and_schedules_run(app: WhendueApp) -> None:
    """Whatever the API takes."""
    nodes = {
        "first": Node("demo.kit.double", {"n": 1}),
        "second": Node("demo.kit.echo", {"seen": {"$from": "first"}}, depends_on=["first"]),
    }
    app.client.submit_workflow(NewWorkflow(nodes=nodes))
    app.client.put_schedule("s", NewSchedule(cron="0 9 * * *", job=JobTemplate("demo.kit.double", {"n": 5})))
    app.advance_to("2027-01-15T09:00:00Z")
    assert [run.payload for run in app.ran] == [{"n": 1}, {"seen": {"doubled": 2}}, {"n": 5}]


def test_deliveries_are_noted_and_go_nowhere(app: WhendueApp) -> None:
    """With the event that a receiver would get."""
    config = {"url": "https://example.invalid/hook"}
    app.client.put_subscription("hook", NewSubscription(channel="webhook", config=config, events=["succeeded"]))
    job = app.submit(tasks.double, {"n": 1})
    app.run_until_idle()
    app.assert_ran("notify.webhook", {"type": "job.succeeded", "data": {"jobId": job.id}}, times=1)
    assert [record.id for record in app.submitted] == [job.id]


def test_inline_submits_of_a_client_run_at_once(app: WhendueApp) -> None:
    """And raise what the task raises."""
    with app.inline():
        job = app.client.submit_job(NewJob("demo.kit.double", {"n": 3}))
        assert app.client.get_job(job.id).state == "succeeded"
        with pytest.raises(ConnectionError, match="not yet"):
            app.client.submit_job(NewJob("demo.kit.flaky"))


def test_a_client_has_its_own_whendue() -> None:
    """Nothing of one test is in another."""
    first, second = WhendueApp(), WhendueApp(tenant="acme")
    first.client.submit_job(NewJob("demo.kit.double", {"n": 3}))
    assert second.client.submit_job(NewJob("demo.kit.double", {"n": 3})).tenant == "acme"
    assert (len(first.submitted), len(second.submitted)) == (1, 1)


def test_a_unique_job_is_submitted_once(app: WhendueApp) -> None:
    """What stands for the answer of an Idempotency-Key is no job."""
    job = NewJob("demo.kit.double", {"n": 3}, delay_seconds=60, unique=Unique(key="k"))
    first, second = (app.client.submit_job(job, idempotency_key=key) for key in "ab")
    assert first.id == second.id
    app.assert_submitted(tasks.double, times=1)
    app.run_until_idle()
    assert app.client.submit_job(job).id != first.id
