"""What probes are told over HTTP."""

from collections.abc import Iterator

import httpx
import pytest

from whendue.containers.health import LIVE, READY, Health, Liveness, serving


class Told:
    """A process's health, with a clock and answers that are set."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.answers = {"table": "ok", "queues": "ok"}
        self.beats = Liveness(lambda: self.now_ms, 60)
        self.health = Health(self.beats, lambda: self.answers)
        self.url = ""

    def get(self, path: str) -> tuple[int, object]:
        reply = httpx.get(self.url + path)
        return reply.status_code, reply.json()["wrong"]


@pytest.fixture
def told() -> Iterator[Told]:
    made = Told()
    with serving(made.health, "127.0.0.1", 0) as made.url:
        yield made


def test_a_thread_that_is_silent_too_long_is_not_live(told: Told) -> None:
    """Ready all the same: only a new process helps."""
    told.beats.beat("listener-0")
    told.beats.beat("listener-1")
    assert told.get(LIVE) == (200, {})
    told.now_ms += 60_001
    told.beats.beat("listener-1")
    assert told.get(LIVE) == (503, {"listener-0": "silent"})
    assert told.get(READY) == (200, {})


def test_a_table_that_does_not_answer_is_not_ready_and_yet_live(told: Told) -> None:
    """A new process would not get an answer either."""
    told.answers["table"] = "unavailable"
    assert told.get(READY) == (503, {"table": "unavailable"})
    assert told.get(LIVE) == (200, {})


def test_a_process_that_goes_down_is_not_ready(told: Told) -> None:
    """Whoever waits for it to be, need not."""
    told.health.draining = True
    assert told.get(READY) == (503, {"process": "draining"})


def test_other_paths_are_not_there(told: Told) -> None:
    """It serves probes and nothing else."""
    assert httpx.get(f"{told.url}/metrics").status_code == 404
