"""whendue.testing.deployment: a submit in memory answers what a deployment answers, and workers end jobs as there.

A deployment's API knows tasks by their manifest (tests/functional/api/test_tasks.py): validators and `check` run in
the worker.
"""

import sys
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from tests.builders import kit_tasks as tasks
from whendue import task
from whendue.client import InvalidRequestError as Refused
from whendue.client import JobTemplate, NewJob, NewProfile, NewSchedule, NewWorkflow, Node
from whendue.client.errors import error_of
from whendue.declarations.described import DescribedTask
from whendue.declarations.registry import BUILT_IN_CHANNELS, BUILT_IN_TASKS, TASKS, Registry, discover
from whendue.errors import ConfigurationError, InvalidPayloadError, NotAllowedError, UnknownTaskError
from whendue.manifest.described_tasks import manifest_of
from whendue.support.clock import ManualClock
from whendue.testing import WhendueApp, run_attempt, run_task
from whendue.testing.app import START
from whendue.testing.deployment import DescribedRegistry, MemoryDeployment
from whendue.testing.memory import memory_settings
from whendue.testing.recording import RecordingRegistry
from whendue.testing.runs import Runs
from whendue.testing.tasks import discover_shipped

# What the schema allows, and a validator, `check` and a broken validator do not.
UNLUCKY, FORBIDDEN, BROKEN = {"n": 13}, {"n": 7}, {"n": 4}


@pytest.fixture
def app() -> WhendueApp:
    return WhendueApp()


@pytest.fixture
def described() -> DescribedRegistry:
    discover_shipped()
    return DescribedRegistry(RecordingRegistry(TASKS, Runs(lambda: 0)))


def by_fixture(app: WhendueApp, payload: Any) -> None:
    app.submit(tasks.lucky, payload)


def by_client(app: WhendueApp, payload: Any) -> None:
    app.client.submit_job(NewJob("demo.kit.lucky", payload))


def by_batch(app: WhendueApp, payload: Any) -> None:
    [answer] = app.client.submit_jobs([NewJob("demo.kit.lucky", payload)])
    if answer.problem:
        raise error_of(answer.problem)


def by_code(app: WhendueApp, payload: Any) -> None:
    with app.in_force():
        tasks.lucky.submit(payload)


def by_workflow(app: WhendueApp, payload: Any) -> None:
    app.client.submit_workflow(NewWorkflow(nodes={"a": Node("demo.kit.lucky", payload)}))


def by_schedule(app: WhendueApp, payload: Any) -> None:
    app.client.put_schedule("s", NewSchedule(at=START + timedelta(hours=1), job=JobTemplate("demo.kit.lucky", payload)))


WAYS = [by_fixture, by_client, by_batch, by_code, by_workflow, by_schedule]


@pytest.mark.parametrize("payload", [UNLUCKY, FORBIDDEN])
@pytest.mark.parametrize("submit", [way for way in WAYS if way is not by_workflow])
def test_validators_and_check_end_the_job_in_the_worker(
    app: WhendueApp, submit: Callable[[WhendueApp, Any], None], payload: Any
) -> None:
    """However it was submitted: a test that expects a refusal at the submit would not hold on AWS."""
    submit(app, payload)
    app.advance(3600)
    app.run_until_idle()
    [job] = app.jobs(task=tasks.lucky)
    assert (job.state, job.payload, [error.type for error in job.errors]) == ("dead", payload, ["invalid_payload"])


@pytest.mark.parametrize(("payload", "cause"), [(UNLUCKY, "invalid_payload"), (FORBIDDEN, "not_allowed")])
def test_a_worker_that_may_not_create_a_node_ends_the_workflow(app: WhendueApp, payload: Any, cause: str) -> None:
    """A worker creates the nodes, and has imported their tasks."""
    by_workflow(app, payload)
    app.run_until_idle()
    [workflow] = app.submitted
    assert (workflow.state, [error.type for error in workflow.errors]) == ("dead", [cause])


@pytest.mark.parametrize("payload", [{}, {"n": "x"}, {"n": -1}, None])
@pytest.mark.parametrize("submit", WAYS)
def test_the_schema_refuses_at_the_submit(
    app: WhendueApp, submit: Callable[[WhendueApp, Any], None], payload: Any
) -> None:
    """As the API of a deployment does."""
    with pytest.raises((InvalidPayloadError, Refused), match=r"does not fit the task|invalid_workflow"):
        submit(app, payload)
    assert app.submitted == []


def test_a_validator_that_breaks_fails_its_attempts(app: WhendueApp) -> None:
    """With its own error, and the job is tried again."""
    job = app.submit(tasks.lucky, BROKEN)
    app.run_until_idle()
    assert {error.type for error in app.job(job).errors} == {"KeyError"}
    assert len(app.ran) > 1


def test_inline_raises_what_the_worker_refuses(app: WhendueApp) -> None:
    """It is the attempt's error."""
    with app.inline(), pytest.raises(InvalidPayloadError, match="does not fit"):
        app.submit(tasks.lucky, UNLUCKY)


def test_jobs_of_tasks_are_checked_by_the_model(app: WhendueApp) -> None:
    """A worker has imported it."""
    job = app.submit(tasks.lucky_parent, UNLUCKY)
    app.run_until_idle()
    assert [error.type for error in app.job(job).errors] == ["invalid_payload"]
    assert app.jobs(task=tasks.lucky) == []
    assert isinstance(run_attempt(tasks.lucky_parent, FORBIDDEN).error, NotAllowedError)


# --- one attempt ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("payload", [UNLUCKY, FORBIDDEN])
def test_an_attempt_records_what_the_worker_refuses(payload: Any) -> None:
    """And `run_task` raises it."""
    outcome = run_attempt(tasks.lucky, payload)
    assert (outcome.state, outcome.cause, outcome.retry_in_s) == ("dead", "invalid_payload", None)
    assert outcome.message is not None
    assert outcome.message.startswith("the payload does not fit the task demo.kit.lucky")
    with pytest.raises(InvalidPayloadError):
        run_task(tasks.lucky, payload)


def test_an_attempt_records_a_validator_that_breaks() -> None:
    """Another attempt may succeed."""
    outcome = run_attempt(tasks.lucky, BROKEN)
    assert (outcome.state, outcome.cause, outcome.retry_in_s) == ("retry", "KeyError", 10)
    with pytest.raises(KeyError):
        run_task(tasks.lucky, BROKEN)


# --- what is known of tasks ----------------------------------------------------------------------------------------


def test_tasks_are_known_as_a_manifest_describes_them(described: DescribedRegistry) -> None:
    """To the last field; shipped tasks and channels are imported."""
    deployed = discover(BUILT_IN_TASKS, BUILT_IN_CHANNELS, registry=Registry())
    manifest_of(TASKS, ["tests"]).register(deployed)
    names = [name for name in described.all_names() if name.startswith("demo.kit.")]
    assert "demo.kit.lucky" in names
    for name in names:
        assert isinstance(deployed.find(name), DescribedTask)
        assert described.find(name) == deployed.find(name)
        assert described.description(name) == deployed.description(name)
    for name in ("http", "email", "lambda", "workflow", "notify.webhook"):
        assert type(described.find(name)) is type(described.get(name))
        assert described.description(name) == deployed.description(name)


def test_what_is_missing_is_missing_here_too(described: DescribedRegistry) -> None:
    """With the words of the process's registry."""
    with pytest.raises(UnknownTaskError, match=r"did you mean 'demo\.kit\.lucky'"):
        described.find("demo.kit.luky")
    assert described.description("demo.kit.luky") is None
    assert not described.may_have("demo.kit.luky") or TASKS.failures
    assert (described.failures, described.unavailable) == (TASKS.failures, TASKS.unavailable)


def test_a_task_that_is_declared_or_replaced_later_is_known(app: WhendueApp) -> None:
    """Descriptions are made when they are asked for, and made anew for another task."""

    class Word(BaseModel):
        word: str

    for number in (1, 2):
        if number == 2:
            app.registry.remove("demo.kit.late")
        task("demo.kit.late", registry=app.registry, max_attempts=number)(_late(Word))
        assert app.client.get_task("demo.kit.late").policy.max_attempts == number
    app.replace("demo.kit.late", lambda payload: payload.word.upper())
    app.submit("demo.kit.late", {"word": "ada"})
    with pytest.raises(InvalidPayloadError):
        app.submit("demo.kit.late", {"word": 1})
    app.run_until_idle()
    assert [run.result for run in app.ran] == ["ADA"]


def _late(model: type[BaseModel]) -> Callable[..., None]:
    def late(payload: Any) -> None: ...

    late.__annotations__["payload"] = model
    return late


def test_a_missing_library_is_named(described: DescribedRegistry, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the extra that has it."""
    monkeypatch.setitem(sys.modules, "jsonschema_rs", None)
    with pytest.raises(ConfigurationError, match=r"jsonschema_rs: install whendue\[dev\]"):
        described.find("demo.kit.lucky")


# --- what both sides remember --------------------------------------------------------------------------------------


def test_a_pause_holds_at_once(app: WhendueApp) -> None:
    """Also where the workers have just looked: no time passes between the lines of a test."""
    app.submit(tasks.double, {"n": 1})
    app.advance(0)
    app.pause(tasks.double)
    app.submit(tasks.double, {"n": 2})
    app.advance(0)
    assert [run.payload["n"] for run in app.ran] == [1]


def test_a_changed_profile_counts_at_once(app: WhendueApp) -> None:
    """For jobs that follow it, also where the workers have just read it."""
    app.client.put_profile("p", NewProfile(max_attempts=5))
    following = NewJob("demo.kit.end", {"how": "raise"}, profile="p", follow_profile=True)
    app.client.submit_job(following)
    app.advance(0)
    job = app.client.submit_job(following)
    app.client.put_profile("p", NewProfile(max_attempts=1))
    app.advance(0)
    assert app.job(job.id).state == "dead"


def test_workers_and_api_are_two_applications_on_one_table() -> None:
    """Tests of users reach both."""
    clock = ManualClock()
    runs = Runs(clock.now_ms)
    whendue = MemoryDeployment(memory_settings(), RecordingRegistry(TASKS, runs), clock, runs)
    assert isinstance(whendue.api.registry.find("demo.kit.lucky"), DescribedTask)
    assert not isinstance(whendue.app.registry.find("demo.kit.lucky"), DescribedTask)
    assert whendue.api.runtime.store is whendue.app.runtime.store
