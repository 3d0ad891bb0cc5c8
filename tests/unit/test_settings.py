"""Queues of the operator's own in the settings: what is wrong is named, and no process starts with it."""

import json
from typing import Any

import pytest

from tests.builders.environment import ENVIRONMENT
from whendue.errors import ConfigurationError
from whendue.quotas import OWN_QUEUES
from whendue.settings import ALL_QUEUES, OwnQueue, Settings


def read(own: Any, names: tuple[str, ...] | None = None) -> Settings:
    queues = dict.fromkeys((*ALL_QUEUES, *(own if names is None else names)), "u")
    more = {"WHENDUE_SECRET": "s" * 40, "WHENDUE_QUEUES": json.dumps(queues), "WHENDUE_OWN_QUEUES": json.dumps(own)}
    return Settings.from_env(ENVIRONMENT | more)


def test_they_are_read_with_defaults_and_sorted() -> None:
    """All processes have them in the same order."""
    settings = read({"b": {"timeout_s": 60, "weight": 8}, "a": {"timeout_s": 10, "draining": True}})
    assert settings.all_queues == (*ALL_QUEUES, "a", "b")
    assert settings.job_queues == ("critical", "high", "normal", "low", "b")
    assert settings.own_queues == {"a": OwnQueue(10, draining=True), "b": OwnQueue(60, weight=8)}
    assert (settings.longest_attempt_s("b"), settings.longest_attempt_s("normal")) == (57, settings.max_timeout_s)
    assert (settings.weights["b"], settings.weights["low"]) == (8, 1)


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ([], "WHENDUE_OWN_QUEUES must be a JSON object"),
        ({"normal": {"timeout_s": 60}}, "'normal' is the name of one of whendue's queues"),
        ({"notifications": {"timeout_s": 60}}, "'notifications' is the name of one of whendue's queues"),
        ({"a_b": {"timeout_s": 60}}, "'a_b' must be 1 to 20 of a-z, 0-9 and -, a letter first"),
        ({"a" * 21: {"timeout_s": 60}}, "must be 1 to 20 of a-z, 0-9 and -, a letter first"),
        ({"a\n": {"timeout_s": 60}}, "must be 1 to 20 of a-z, 0-9 and -, a letter first"),
        ({"a": {}}, "a must be an object with timeout_s and any of"),
        ({"a": 60}, "a must be an object with timeout_s and any of"),
        ({"a": {"timeout_s": 60, "weigth": 1}}, "a must be an object with timeout_s and any of"),
        ({"a": {"timeout_s": 9}}, "a: timeout_s must be a whole number from 10 to 43203"),
        ({"a": {"timeout_s": 60.5}}, "a: timeout_s must be a whole number"),
        ({"a": {"timeout_s": True}}, "a: timeout_s must be a whole number"),
        ({"a": {"timeout_s": 60, "memory_mb": 255}}, "a: memory_mb must be a whole number from 256 to 10240"),
        ({"a": {"timeout_s": 60, "batch_size": 11}}, "a: batch_size must be a whole number from 1 to 10"),
        ({"a": {"timeout_s": 60, "maximum_concurrency": 1}}, "a: maximum_concurrency must be a whole number from 2"),
        ({"a": {"timeout_s": 60, "weight": 9}}, "a: weight must be a whole number from 1 to 8"),
        ({"a": {"timeout_s": 60, "draining": 1}}, "a: draining must be true or false"),
        ({f"a{n}": {"timeout_s": 60} for n in range(OWN_QUEUES + 1)}, f"must name at most {OWN_QUEUES} queues"),
    ],
)
def test_what_is_wrong_is_named(own: Any, problem: str) -> None:
    """The message has the queue and the bounds."""
    with pytest.raises(ConfigurationError, match=problem.replace("[", r"\[")):
        read(own)


def test_a_queue_without_an_address_is_refused() -> None:
    """And an address without a queue."""
    with pytest.raises(ConfigurationError, match="must name exactly the queues critical, high, normal, low, notif"):
        read({"a": {"timeout_s": 60}}, ())
    with pytest.raises(ConfigurationError, match="must name exactly"):
        read({}, ("a",))
