"""What a schedule's request gets wrong is said where it is wrong, with what to write instead."""

from typing import Any

import pytest

from functions.api.http.times import to_timestamp
from tests.builders.api import a_token, api_of
from tests.builders.gateway import Answer, Client, Shape
from tests.builders.world import World
from whendue.quotas import NAME_BYTES

JOB: dict[str, Any] = {"type": "ok"}


def refused(answer: Answer, status: int, code: str) -> list[tuple[str, str]]:
    """Insist on a refusal, and return its places."""
    assert (answer.status, answer.code) == (status, code), answer.text
    return [(error["where"], error["problem"]) for error in answer.json["errors"]]


@pytest.mark.parametrize(
    ("cron", "words"),
    [
        ("0 0 4-0 * *", "day of month"),
        ("0 0 1 10-0 *", "month"),
        ("0 0 * * 7/2", "day of week"),
        ("0 0 * * 7-0", "day of week"),
        ("0 0 * * 7-sun", "day of week"),
        ("0 12 * * ? *", "EventBridge"),
        ("cron(0 12 * * ? *)", "EventBridge"),
        ("CRON_TZ=Europe/Berlin 0 9 * * *", '"timezone": "Europe/Berlin"'),
        ("0 9 * * * 2026", "start and end"),
        ("@every 5m", '"every": "PT5M"'),
    ],
)
def test_a_cron_that_is_not_ours_is_refused_at_put_and_preview(client: Client, cron: str, words: str) -> None:
    """The same words at both."""
    for answer in (
        client.send("PUT", "/schedules/x", {"cron": cron, "job": JOB}),
        client.send("POST", "/schedules/preview", {"cron": cron}),
    ):
        [(where, problem)] = refused(answer, 400, "invalid_schedule")
        assert where == "cron"
        assert words in problem


@pytest.mark.parametrize("cron", ["0 9 * * 5L", "0 9 * * FRIL", "0 9 * * fril"])
def test_common_spellings_of_the_last_friday_are_taken(client: Client, cron: str) -> None:
    """And shown as they were put."""
    answer = client.send("PUT", "/schedules/x", {"cron": cron, "job": JOB})
    assert answer.status == 201
    assert client.send("GET", "/schedules/x").json["cron"] == cron
    shown = client.send("GET", "/schedules/x/preview").json["items"]
    same = client.send("POST", "/schedules/preview", {"cron": "0 9 * * L5"}).json["items"]
    assert shown == same


@pytest.mark.parametrize(
    ("every", "words"),
    [
        ("5m", '"PT5M"'),
        ("5 minutes", '"PT5M"'),
        ("1h30m", '"PT1H30M"'),
        ("1d", '"P1D"'),
        ("2 weeks", '"P2W"'),
        ("90s", '"PT90S"'),
        ("300", '"PT300S"'),
        ("pt5m", '"PT5M"'),
        ("PT5M ", '"PT5M"'),
        ("soon", "as in PT15M"),
        ("", "as in PT15M"),
        ("P", "as in PT15M"),
        ("PT", "as in PT15M"),
        ("-PT5M", "as in PT15M"),
        ("P-1D", "as in PT15M"),
        ("PT\N{ARABIC-INDIC DIGIT FIVE}M", "as in PT15M"),
        ("5 months", "years or months"),
        ("P1M", "years or months"),
        ("1y", "years or months"),
        ("*/5 * * * *", "cron"),
        ("PT0S", "must be between"),
        ("0s", "as in PT15M"),
        ("P367D", "must be between"),
        ("P99999999999D", "must be between"),
        ("PT999999999999999999S", "must be between"),
        ("PT1.5S", "whole seconds"),
        ("PT0.000001S", "whole seconds"),
    ],
)
def test_an_interval_that_is_none_says_what_to_write(client: Client, every: str, words: str) -> None:
    """`5m` was told of years and months."""
    [(where, problem)] = refused(
        client.send("PUT", "/schedules/x", {"every": every, "job": JOB}), 400, "invalid_schedule"
    )
    assert where == "every"
    assert words in problem
    assert "years or months" in words or "years" not in problem


@pytest.mark.parametrize(
    ("every", "words"),
    [(300, '"PT300S"'), (1.5, "as in PT15M"), (10**17, "as in PT15M"), (True, "as in PT15M"), ([], "as in PT15M")],
)
def test_an_interval_that_is_no_text_says_what_to_write(client: Client, every: Any, words: str) -> None:
    """A number of seconds is the likeliest of wrong ones."""
    [(where, problem)] = refused(
        client.send("PUT", "/schedules/x", {"every": every, "job": JOB}), 422, "invalid_request"
    )
    assert where == "body.every"
    assert words in problem


@pytest.mark.parametrize("seconds", [-86_400 * 365, -60, 0])
def test_a_past_at_blames_at(client: Client, world: World, seconds: int) -> None:
    """It blamed an end that nobody had sent."""
    at = to_timestamp(world.clock.now_ms() + seconds * 1000)
    [(where, problem)] = refused(client.send("PUT", "/schedules/x", {"at": at, "job": JOB}), 400, "invalid_schedule")
    assert where == "at"
    assert "past" in problem


def test_a_past_end_blames_end_and_a_bounded_cron_its_end(client: Client, world: World) -> None:
    """Whoever sent an end is told of it."""
    past, soon = (to_timestamp(world.clock.now_ms() + seconds * 1000) for seconds in (-60, 60))
    for when in ({"cron": "* * * * *", "end": past}, {"every": "PT1M", "start": "2020-01-01T00:00:00Z", "end": past}):
        [(where, problem)] = refused(client.send("PUT", "/schedules/x", when | {"job": JOB}), 400, "invalid_schedule")
        assert where == "end"
        assert "past" in problem
    when = {"cron": "0 0 1 1 *", "end": soon, "start": "2020-01-01T00:00:00Z"}
    [(where, _)] = refused(client.send("PUT", "/schedules/x", when | {"job": JOB}), 400, "invalid_schedule")
    assert where == "end"


def test_a_cron_that_has_no_fire_left_blames_itself(client: Client) -> None:
    """Neither end nor start were sent: exclusions cover what is to come."""
    when = {"cron": "0 0 1 1 *", "exclude": ["2000-01-02/2199-12-31"], "job": JOB}
    [(where, _)] = refused(client.send("PUT", "/schedules/x", when), 400, "invalid_schedule")
    assert where == "cron"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T20:00:00+01:60",
        "2026-11-23T24:00:00Z",
        "2026-11-23T20:00:60Z",
        "2026-02-30T20:00:00Z",
        "9999-12-31T23:59:59-23:59",
        "2026-11-23T20:00:00Z\n",
        "\N{ARABIC-INDIC DIGIT TWO}026-11-23T20:00:00Z",
    ],
)
def test_a_time_that_is_none_is_refused_wherever_one_is_taken(world: World, shape: Shape, text: str) -> None:
    """In bodies and in queries, and the place is named."""
    client = Client(api_of(world), a_token(), shape)
    job = client.submit(delaySeconds=3600)["id"]
    for method, path, body, where in (
        ("POST", "/jobs", {"type": "ok", "dueAt": text}, "body.dueAt"),
        ("POST", "/tasks/schedule", {"type": "ok", "dueAt": text}, "body.dueAt"),
        ("POST", "/workflows", {"nodes": {"a": {"type": "ok"}}, "dueAt": text}, "body.dueAt"),
        ("PATCH", f"/jobs/{job}", {"dueAt": text}, "body.dueAt"),
        ("POST", "/pauses", {"reason": "x", "expiresAt": text}, "body.expiresAt"),
        ("PUT", "/schedules/x", {"at": text, "job": JOB}, "body.at"),
        ("PUT", "/schedules/x", {"cron": "* * * * *", "start": text, "job": JOB}, "body.start"),
        ("PUT", "/schedules/x", {"cron": "* * * * *", "end": text, "job": JOB}, "body.end"),
        ("POST", "/schedules/preview", {"at": text}, "body.at"),
        ("POST", "/schedules/x/backfill", {"from": text, "to": "2026-11-23T20:00:00Z"}, "body.from"),
    ):
        assert where in [location for location, _ in refused(client.send(method, path, body), 422, "invalid_request")]
    answer = client.send("POST", "/jobs/batch", {"jobs": [{"type": "ok", "dueAt": text}, {"type": "ok"}]})
    assert [item["status"] for item in answer.json["items"]] == [422, 202]
    window: dict[str, Any] = {"from": text}
    [(location, _)] = refused(client.send("GET", "/schedules/x/fires", **window), 422, "invalid_request")
    assert location == "query.from"


@pytest.mark.parametrize(
    "name", ["a\n", "\na", "a b", "\N{ARABIC-INDIC DIGIT FIVE}", "\u017f", "a\u200b", "", "a" * 65, "a/b"]
)
def test_a_name_is_ascii_letters_digits_and_three_signs(client: Client, name: str) -> None:
    """Nothing else, also not at the end of the text."""
    for body in (
        {"type": name},
        {"type": "ok", "group": name},
        {"type": "ok", "profile": name},
        {"type": "ok", "limits": {"key": name, "concurrency": 1}},
        {"type": "ok", "notify": [name]},
        # As long as an error.type, which may be longer than a name.
        {"type": "ok", "neverRetry": [name * 3 if len(name) > NAME_BYTES else name]},
    ):
        refused(client.send("POST", "/jobs", body), 422, "invalid_request")
    refused(client.send("PUT", "/schedules/x", {"cron": "* * * * *", "job": JOB, "name": name}), 422, "invalid_request")


def test_too_many_exclusions_are_refused_before_they_are_read(client: Client) -> None:
    """With the place."""
    for path, method in (("/schedules/x", "PUT"), ("/schedules/preview", "POST")):
        body = {"cron": "* * * * *", "exclude": ["2026-01-01"] * 201} | ({"job": JOB} if method == "PUT" else {})
        [(where, problem)] = refused(client.send(method, path, body), 422, "invalid_request")
        assert where == "body.exclude"
        assert "200" in problem


def test_an_error_for_a_time_zone_in_other_capitals_has_its_name(client: Client) -> None:
    """`europe/berlin` is one that people write."""
    body = {"cron": "* * * * *", "timezone": "europe/berlin", "job": JOB}
    [(where, problem)] = refused(client.send("PUT", "/schedules/x", body), 400, "invalid_schedule")
    assert where == "timezone"
    assert "Europe/Berlin" in problem


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("overlap", "skp"),
        ("misfire", "skip"),
        ("misfire", {"polcy": "skip"}),
        ("pauseAfterFailures", 0),
        ("job", {"type": "ok", "retrys": 1}),
    ],
)
def test_a_preview_refuses_what_put_refuses(client: Client, field: str, value: Any) -> None:
    """As a dry run it misled: all of these were answered with the fires."""
    body = {"cron": "0 3 * * *", field: value}
    preview = client.send("POST", "/schedules/preview", body)
    put = client.send("PUT", "/schedules/s", {"job": {"type": "ok"}} | body)
    assert (preview.status, preview.code) == (put.status, put.code) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("method", "path", "body", "where", "said"),
    [
        ("PUT", "", {"crom": "* * * * *", "job": JOB}, "body.crom", "did you mean cron?"),
        ("POST", "/trigger", {"payLoad": {}}, "body.payLoad", "did you mean payload?"),
        ("POST", "/trigger", {"xyzzy": 1}, "body.xyzzy", "the fields are priority, queue, payload, tags"),
        ("POST", "/resume", {"until": "2099-01-01T00:00:00Z"}, "body.until", "is not supported"),
        ("POST", "/pause", {"untill": "2099-01-01T00:00:00Z"}, "body.untill", "did you mean until?"),
    ],
)
def test_a_field_that_is_not_known_is_refused_and_the_right_one_named(
    client: Client, method: str, path: str, body: dict[str, Any], where: str, said: str
) -> None:
    """A trigger and a resume ignored them."""
    client.send("PUT", "/schedules/x", {"cron": "0 0 1 1 *", "job": JOB})
    before = client.send("GET", "/schedules/x").json
    found = refused(client.send(method, f"/schedules/x{path}", body), 422, "invalid_request")
    assert any(field == where and said in problem for field, problem in found), found
    assert client.send("GET", "/schedules/x").json == before
    assert client.send("GET", "/jobs").json["items"] == []
