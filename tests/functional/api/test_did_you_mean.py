"""A misspelt name is answered with the one that was likely meant; what is like nothing is not guessed at."""

from typing import Any

import pytest

from tests.builders.gateway import Client
from whendue.quotas import SUGGESTIONS

NODE = {"type": "ok"}
FIELDS: dict[str, tuple[str, dict[str, Any], str, str]] = {
    "a job's retry": ("/jobs", {"type": "ok", "retry": 3}, "body.retry", "did you mean retries?"),
    "snake case": ("/jobs", {"type": "ok", "delay_seconds": 3}, "body.delay_seconds", "did you mean delaySeconds?"),
    "a beginning": ("/jobs", {"type": "ok", "delay": 3}, "body.delay", "did you mean delaySeconds?"),
    "the short form": ("/tasks/schedule", {"type": "ok", "retry": 3}, "body.retry", "did you mean retries?"),
    "inside": ("/jobs", {"type": "ok", "backoff": {"bas": 1}}, "body.backoff.bas", "did you mean baseSeconds?"),
    "limits": ("/jobs", {"type": "ok", "limits": {"rate": 1}}, "body.limits.rate", "did you mean ratePerSecond?"),
    "a schedule": ("/schedules/preview", {"crom": "* * * * *"}, "body.crom", "did you mean cron?"),
    "a node": (
        "/workflows",
        {"nodes": {"a": {"type": "ok", "dependOn": []}}},
        "body.nodes.a",
        "did you mean dependsOn?",
    ),
    "a time in a schedule": (
        "/schedules/preview",
        {"cron": "* * * * *", "job": {"type": "ok", "delaySeconds": 3}},
        "body.job.delaySeconds",
        "what a schedule or a workflow runs has no time of its own",
    ),
    "a time in a schedule's workflow": (
        "/schedules/preview",
        {"cron": "* * * * *", "workflow": {"chain": [{"type": "ok"}], "delaySeconds": 3}},
        "body.workflow.delaySeconds",
        "what a schedule or a workflow runs has no time of its own",
    ),
    "a time in a node": (
        "/workflows",
        {"chain": [{"type": "ok", "dueAt": "2030-01-01T00:00:00Z"}]},
        "body.chain.0.dueAt",
        "what a schedule or a workflow runs has no time of its own",
    ),
    "a small body": (
        "/jobs/batch",
        {"jobs": [{"type": "ok"}], "xyzzy": 1},
        "body.xyzzy",
        "the fields are jobs",
    ),
    "a workflow": ("/workflows", {"chian": [{"type": "ok"}]}, "body.chian", "did you mean chain?"),
}


@pytest.mark.parametrize("name", FIELDS)
def test_an_unknown_field_is_answered_with_the_nearest(client: Client, name: str) -> None:
    """It said only that there is no such field."""
    path, body, where, said = FIELDS[name]
    answer = client.send("POST", path, body)
    assert answer.status == 422
    found = [error for error in answer.json["errors"] if error["where"].startswith(where)]
    assert any(error["problem"].endswith(f"; {said}") for error in found), answer.text


def test_a_delay_in_a_change_is_answered_with_the_field_for_times(client: Client) -> None:
    """`delaySeconds` is the field that submits take."""
    job = client.send("POST", "/jobs", {"type": "ok", "delaySeconds": 60}).json
    answer = client.send("PATCH", f"/jobs/{job['id']}", {"delaySeconds": 1})
    assert answer.json["errors"][0]["problem"].endswith("; send dueAt, the new time")


@pytest.mark.parametrize(
    ("path", "hint"), [("/jobs", "its parameters are "), ("/health", "it has none")], ids=["some", "none"]
)
def test_an_unknown_parameter_is_answered_with_those_that_are_known(client: Client, path: str, hint: str) -> None:
    """The name of one was once told wrong by a page."""
    answer = client.send("GET", path, n=3)
    assert answer.status == 422
    [error] = answer.json["errors"]
    assert error["where"] == "query.n"
    assert error["problem"].startswith(f"is not a parameter of this operation; {hint}")
    assert ("limit" in error["problem"]) == (path == "/jobs")


def test_a_ref_that_is_sent_as_an_id_is_answered_with_how_to_send_it(client: Client) -> None:
    """In a batch, an earlier job is named by an object."""
    jobs = [{"type": "ok", "ref": "x"}, {"type": "ok", "dependsOn": ["x"]}]
    items = client.send("POST", "/jobs/batch", {"jobs": jobs}).json["items"]
    assert items[1]["problem"]["detail"].endswith('; the ref of an earlier job is {"ref": "x"}')


def test_in_a_batch_each_job_has_its_answer(client: Client) -> None:
    """As alone."""
    [item] = client.send("POST", "/jobs/batch", {"jobs": [{"type": "ok", "retry": 3}]}).json["items"]
    assert item["problem"]["errors"][0]["problem"].endswith("; did you mean retries?")


def test_what_is_like_nothing_is_not_guessed_at(client: Client) -> None:
    """A wrong guess is worse than none."""
    answer = client.send("POST", "/jobs", {"type": "ok", "xyzzy": 3})
    assert answer.json["errors"] == [{"where": "body.xyzzy", "problem": "is not a field of this request"}]


def test_other_problems_read_as_before(client: Client) -> None:
    """Beside an unknown field, too."""
    plain = client.send("POST", "/jobs", {"type": "ok", "retries": -1, "tags": {"": ""}}).json["errors"]
    beside = client.send("POST", "/jobs", {"type": "ok", "retries": -1, "tags": {"": ""}, "retry": 1}).json["errors"]
    assert [error for error in beside if error["where"] != "body.retry"] == plain


def test_a_request_that_is_wrong_all_over_gets_no_suggestions(client: Client) -> None:
    """They would cost more than they help."""
    body = {"type": "ok", "retry": 1} | {f"x{number}": 1 for number in range(SUGGESTIONS)}
    answer = client.send("POST", "/jobs", body)
    assert answer.status == 422
    assert "did you mean" not in answer.text


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("okk", "no task has the name 'okk'; did you mean 'ok'?"),
        ("workfow", "no task has the name 'workfow'; did you mean 'workflow'?"),
        ("ba", "no task has the name 'ba'; did you mean 'bad'?"),
        ("xyzzy", "no task has the name 'xyzzy'"),
    ],
)
def test_an_unknown_task_is_answered_with_the_nearest(client: Client, kind: str, said: str) -> None:
    """`emial` is `email`."""
    answer = client.send("POST", "/jobs", {"type": kind})
    assert (answer.status, answer.code, answer.json["detail"]) == (422, "unknown_task", said)
