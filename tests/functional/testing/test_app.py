"""whendue.testing.app: a whole whendue in memory does what one on AWS does, when the test says so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from tests.builders import kit_tasks as tasks
from whendue import task
from whendue.errors import InvalidPayloadError, JobNotFoundError, UnknownTaskError
from whendue.testing import WhendueApp, run_task
from whendue.testing.app import START


@pytest.fixture
def app() -> WhendueApp:
    return WhendueApp()


# --- submitting ----------------------------------------------------------------------------------------------------


def test_nothing_runs_before_time_passes(app: WhendueApp) -> None:
    """A test can look at what was submitted first."""
    job = app.submit(tasks.double, {"n": 4})
    assert (job.state, app.ran) == ("queued", [])
    app.advance(0)
    assert app.job(job).state == "succeeded"
    assert app.job(job.id).result == {"doubled": 8}


def test_a_run_says_what_ran_and_when(app: WhendueApp) -> None:
    """And what came of it."""
    job = app.submit(tasks.double, tasks.Number(n=4), in_s=90)
    app.advance(89.999)
    assert app.ran == []
    app.advance(timedelta(milliseconds=1))
    [run] = app.ran
    assert (run.task, run.payload, run.attempt, run.job_id, run.tenant) == (
        "demo.kit.double", {"n": 4}, 1, job.id, "test",
    )  # fmt: skip
    assert run.at == START + timedelta(seconds=90)
    assert (run.result, run.error) == ({"doubled": 8}, None)


def test_a_job_is_due_at_a_time(app: WhendueApp) -> None:
    """With its offset, as text or datetime."""
    app.submit(tasks.double, {"n": 1}, at="2027-01-16T00:00:00+01:00")
    app.submit(tasks.double, {"n": 2}, at=datetime(2027, 1, 15, 22, 0, tzinfo=UTC))
    app.run_until_idle()
    assert [(run.payload["n"], run.at.isoformat()) for run in app.ran] == [
        (2, "2027-01-15T22:00:00+00:00"),
        (1, "2027-01-15T23:00:00+00:00"),
    ]


def test_a_request_has_what_the_api_has(app: WhendueApp) -> None:
    """Priority, Idempotency-Key, policy, tags."""
    first = app.submit(
        tasks.end, {"how": "raise"}, priority="high", key="k", policy={"max_attempts": 1}, tags={"a": "b"}
    )
    again = app.submit(
        tasks.end, {"how": "raise"}, priority="high", key="k", policy={"max_attempts": 1}, tags={"a": "b"}
    )
    assert first.id == again.id
    assert (first.priority, first.tags) == ("high", {"a": "b"})
    app.run_until_idle()
    assert app.job(first).state == "dead"


def test_what_the_api_refuses_is_refused(app: WhendueApp) -> None:
    """At the submit."""
    with pytest.raises(InvalidPayloadError):
        app.submit(tasks.double, {"n": -1})
    with pytest.raises(UnknownTaskError):
        app.submit("demo.kit.unknown")
    with pytest.raises(UnknownTaskError, match="deliveries cannot be submitted"):
        app.submit("notify.webhook")
    with pytest.raises(ValueError, match="in_s is -1"):
        app.submit(tasks.double, {"n": 1}, in_s=-1)
    with pytest.raises(ValueError, match="in_s is 1"):
        app.submit(tasks.double, {"n": 1}, in_s=1, at=START)
    with pytest.raises(JobNotFoundError):
        app.job("unknown")
    assert app.submitted == []


def test_a_job_waits_for_others(app: WhendueApp) -> None:
    """Until they have succeeded."""
    first = app.submit(tasks.double, {"n": 1}, in_s=600)
    second = app.submit(tasks.double, {"n": 2}, depends_on=[first])
    app.advance(599)
    assert app.job(second).state == "waiting"
    app.run_until_idle()
    assert [run.payload["n"] for run in app.ran] == [1, 2]


def test_tenants_see_their_own_jobs() -> None:
    """The tenant is an option."""
    app = WhendueApp(tenant="acme")
    app.submit(tasks.look)
    app.run_until_idle()
    assert app.ran[0].tenant == "acme"
    assert app.submitted[0].tenant == "acme"


@pytest.mark.parametrize(
    ("task", "payload", "stored"),
    [(tasks.pair, {}, [1, {"a": [2]}]), (tasks.priced, {}, {"price": "19.90", "ids": [1, 2]}), (tasks.talk, {}, None)],
)
def test_a_result_is_the_json_that_is_stored(app: WhendueApp, task: object, payload: Any, stored: Any) -> None:
    """Of a run as of its job, and as `run_task` returns it."""
    job = app.submit(task, payload)
    app.run_until_idle()
    assert app.ran[0].result == app.job(job).result == run_task(task, payload) == stored


def test_a_result_that_cannot_be_stored_is_none(app: WhendueApp) -> None:
    """The job says why."""
    job = app.submit(tasks.unstorable)
    app.run_until_idle()
    assert (app.ran[0].result, app.ran[0].error) == (None, None)
    assert [error.type for error in app.job(job).errors] == ["result_not_json"]


# --- which tasks ---------------------------------------------------------------------------------------------------


def test_a_test_may_have_a_task_of_its_own(app: WhendueApp) -> None:
    """Without leaving it to the next test."""

    class Payload(BaseModel):
        word: str

    @task("demo.kit.own", registry=app.registry)
    def own(payload: Payload) -> str:
        return payload.word.upper()

    app.submit(own, {"word": "ada"})
    app.run_until_idle()
    assert app.ran[0].result == "ADA"
    with pytest.raises(UnknownTaskError):
        WhendueApp().submit("demo.kit.own", {"word": "ada"})


def test_only_some_tasks_may_be_known() -> None:
    """And the shipped ones."""
    app = WhendueApp(tasks=[tasks.double, "demo.kit.end"])
    app.submit(tasks.double, {"n": 1})
    app.submit("demo.kit.end")
    app.submit("http", {"url": "https://example.com", "method": "GET"})
    with pytest.raises(UnknownTaskError, match="not among those"):
        app.submit(tasks.look)


def test_shipped_tasks_are_checked_and_do_nothing(app: WhendueApp) -> None:
    """A test sends no request and no mail."""
    with pytest.raises(InvalidPayloadError):
        app.submit("http", {"url": 5})
    app.submit("http", {"url": "https://example.invalid/", "method": "POST"})
    app.submit("email", {"to": "ada@example.com", "subject": "Hello", "text": "Hello"})
    app.run_until_idle()
    assert sorted(run.task for run in app.ran) == ["email", "http"]
    assert {job.state for job in app.submitted} == {"succeeded"}


def test_a_function_may_run_for_a_task(app: WhendueApp) -> None:
    """A shipped one or one's own, with or without the context; the payload is validated as before."""
    app.replace("http", lambda payload: {"status": 200, "url": payload.url})
    app.replace(tasks.double, lambda payload, ctx: [payload.n, ctx.attempt])
    app.replace(tasks.double, lambda payload, ctx: [payload.n, ctx.attempt, "twice"])
    app.submit("http", {"url": "https://example.invalid/", "method": "GET"})
    app.submit(tasks.double, {"n": 3})
    with pytest.raises(InvalidPayloadError):
        app.submit(tasks.double, {"n": -3})
    app.run_until_idle()
    assert [run.result for run in app.ran] == [{"status": 200, "url": "https://example.invalid/"}, [3, 1, "twice"]]


# --- time ----------------------------------------------------------------------------------------------------------


def test_failed_attempts_are_made_again_by_the_policy(app: WhendueApp) -> None:
    """Ten seconds, then twenty; after the third the job is dead."""
    job = app.submit(tasks.end, {"how": "raise"})
    app.run_until_idle()
    assert [(run.at - START).total_seconds() for run in app.ran] == [0, 10, 30]
    assert app.job(job).state == "dead"
    assert [error.message for error in app.job(job).errors] == [f"attempt {n} is bad" for n in (1, 2, 3)]
    assert app.jobs(state="dead") == [app.job(job)]
    assert app.jobs(state="succeeded") == []


def test_schedules_fire(app: WhendueApp) -> None:
    """At wall-clock times of their zone, also where it changes its offset."""
    app.schedule("nightly", tasks.double, {"n": 1}, cron="30 4 * * *", timezone="Europe/Berlin")
    app.advance_to("2027-03-30T00:00:00Z")
    hours = [run.at.hour for run in app.ran]
    assert hours == [3] * 71 + [2] * 2
    assert {job.schedule for job in app.submitted} == {"nightly"}


def test_an_interval_fires(app: WhendueApp) -> None:
    """Counted from when it was put."""
    app.schedule("often", tasks.double, {"n": 1}, every_s=600)
    app.advance(3600)
    assert [(run.at - START).total_seconds() for run in app.ran] == [600, 1200, 1800, 2400, 3000, 3600]


def test_a_paused_task_waits_until_it_is_resumed(app: WhendueApp) -> None:
    """Others do not."""
    app.pause(tasks.double)
    app.submit(tasks.double, {"n": 1})
    app.submit(tasks.end)
    app.advance(3600)
    assert [run.task for run in app.ran] == ["demo.kit.end"]
    app.resume(tasks.double)
    app.run_until_idle()
    assert [run.task for run in app.ran] == ["demo.kit.end", "demo.kit.double"]


def test_a_pause_of_all_may_end_by_itself(app: WhendueApp) -> None:
    """At its time."""
    app.pause(until=START + timedelta(hours=3))
    app.submit(tasks.double, {"n": 1})
    app.advance(3 * 3600 - 0.001)
    assert app.ran == []
    app.advance(timedelta(minutes=5))
    app.assert_ran(tasks.double, times=1)


@pytest.mark.parametrize("seconds", [-1, float("nan"), timedelta(seconds=-1)])
def test_time_does_not_pass_backwards(app: WhendueApp, seconds: Any) -> None:
    """Nothing would have happened meanwhile."""
    with pytest.raises(ValueError, match="pass 0 or more"):
        app.advance(seconds)
    with pytest.raises(ValueError, match="is past"):
        app.advance_to(START - timedelta(seconds=1))
    assert app.now == START


@pytest.mark.parametrize("at", [datetime(2027, 1, 16), "2027-01-16T00:00:00", "tomorrow"])  # noqa: DTZ001
def test_a_time_needs_its_offset(app: WhendueApp, at: Any) -> None:
    """The test would depend on where it runs."""
    with pytest.raises(ValueError, match="with its offset"):
        app.advance_to(at)


def test_waiting_for_what_never_ends_is_bounded(app: WhendueApp) -> None:
    """The message names the jobs."""
    app.pause(tasks.double)
    app.submit(tasks.double, {"n": 41})
    app.submit(tasks.end, {"how": "raise"}, policy={"max_attempts": 1})
    with pytest.raises(AssertionError) as raised:
        app.run_until_idle(most_s=7200)
    text = str(raised.value)
    assert 'not all jobs have ended within 7200 s:\n  demo.kit.double {"n": 41} queued' in text
    assert "ValueError: attempt 1 is bad" in text


# --- jobs from code ------------------------------------------------------------------------------------------------


def test_jobs_of_jobs_run_once(app: WhendueApp) -> None:
    """However many attempts submit them."""
    job = app.submit(tasks.parent, {"n": 2})
    app.run_until_idle()
    app.assert_ran(tasks.parent, times=2)
    app.assert_ran(tasks.double, times=2)
    assert app.job(job).result == [child.id for child in app.jobs(task=tasks.double)]


def test_tasks_submit_to_the_client_in_force(app: WhendueApp) -> None:
    """Within the block."""
    with app.in_force():
        handle = tasks.double.delay(n=4)
        tasks.double.submit({"n": 5}, in_=600)
        app.assert_submitted(tasks.double, {"n": 5}, in_s=600)
        assert handle.result() == {"doubled": 8}
        with app.inline(), pytest.raises(ConnectionError, match="not yet"):
            tasks.flaky.delay()
    with pytest.raises(ValueError, match="WHENDUE_URL"):
        tasks.double.delay(n=4)


# --- inline --------------------------------------------------------------------------------------------------------


def test_inline_jobs_run_at_once(app: WhendueApp) -> None:
    """Those that are due."""
    with app.inline():
        assert app.submit(tasks.double, {"n": 1}).result == {"doubled": 2}
        assert app.submit(tasks.double, {"n": 1}, in_s=600).state == "scheduled"
    assert app.submit(tasks.double, {"n": 1}).state == "queued"


def test_inline_errors_are_raised(app: WhendueApp) -> None:
    """And recorded: the next attempt is made later."""
    with app.inline(), pytest.raises(ConnectionError, match="not yet"):
        app.submit(tasks.flaky)
    app.run_until_idle()
    assert app.submitted[0].state == "succeeded"


def test_inline_errors_may_be_recorded_alone(app: WhendueApp) -> None:
    """As a submit over HTTP shows none."""
    with app.inline(raises=False):
        assert app.submit(tasks.flaky).state == "scheduled"
    assert "ConnectionError: not yet" in app.errors


# --- errors and assertions -----------------------------------------------------------------------------------------


def test_errors_have_the_lines_of_the_task(app: WhendueApp) -> None:
    """And not those of whendue."""
    app.submit(tasks.end, {"how": "raise"})
    app.advance(0)
    assert app.errors.startswith("demo.kit.end, attempt 1 at 2027-01-15T08:00:00+00:00:\nTraceback")
    assert app.errors.endswith("ValueError: attempt 1 is bad\n")
    assert "kit_tasks.py" in app.errors
    assert "executor.py" not in app.errors
    assert isinstance(app.ran[0].error, ValueError)


def test_a_task_that_does_not_fail_shows_nothing(app: WhendueApp) -> None:
    """A report has no empty section."""
    app.submit(tasks.double, {"n": 1})
    app.advance(0)
    assert app.errors == ""


def test_what_was_submitted_is_asserted(app: WhendueApp) -> None:
    """By task, a part of the payload, number and due time."""
    app.submit(tasks.double, {"n": 1}, in_s=60)
    app.submit(tasks.echo, {"user": {"id": 7, "name": "Ada"}, "more": [1, {"a": 1}]})
    [job] = app.assert_submitted(tasks.double, {"n": 1}, times=1, in_s=60, at=START + timedelta(seconds=60))
    assert job.payload == {"n": 1}
    app.assert_submitted("demo.kit.echo", {"user": {"id": 7}})
    app.assert_not_submitted(tasks.echo, {"user": {"id": 8}})
    app.assert_not_submitted(tasks.flaky)


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload": {"n": 2}},
        {"times": 2},
        {"times": 0},
        {"in_s": 61},
        {"at": START},
        {"payload": {"n": True}},
        {"payload": [1]},
    ],
)
def test_a_wrong_assertion_lists_what_was_submitted(app: WhendueApp, wrong: dict[str, Any]) -> None:
    """Each condition counts."""
    app.submit(tasks.double, {"n": 1}, in_s=60)
    with pytest.raises(AssertionError) as raised:
        app.assert_submitted(tasks.double, **wrong)
    assert '1 submitted:\n  demo.kit.double {"n": 1} due 2027-01-15T08:01:00+00:00, scheduled' in str(raised.value)


def test_what_ran_is_asserted(app: WhendueApp) -> None:
    """By task, a part of the payload, number and attempt."""
    app.submit(tasks.flaky, {"a": 1, "b": 2})
    app.run_until_idle()
    app.assert_ran(tasks.flaky, {"a": 1}, times=2)
    [run] = app.assert_ran(tasks.flaky, attempt=2)
    assert run.result == 2
    with pytest.raises(AssertionError, match=r"expected 1 attempt of demo\.kit\.flaky, found 2") as raised:
        app.assert_ran(tasks.flaky, times=1)
    assert "ConnectionError: not yet" in str(raised.value)
    with pytest.raises(AssertionError, match="with attempt 3"):
        app.assert_ran(tasks.flaky, attempt=3)


def test_equal_tests_see_equal_ids() -> None:
    """And with another seed, others."""
    first, second, other = (WhendueApp(seed=seed).submit(tasks.double, {"n": 1}).id for seed in (0, 0, 1))
    assert first == second != other
