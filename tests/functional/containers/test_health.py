"""What probes are told over HTTP."""

from collections.abc import Iterator

import httpx
import pytest

from whendue.containers.health import LIVE, READY, Health, Liveness, serving


class Probed:
    """A process's health, with a clock and answers that are set."""

    def __init__(self) -> None:
        self.now_ms = 0
        self.answers = {"table": "ok", "queues": "ok"}
        self.liveness = Liveness(lambda: self.now_ms, 60)
        self.health = Health(self.liveness, lambda: self.answers)
        self.url = ""

    def get(self, path: str) -> tuple[int, object]:
        reply = httpx.get(self.url + path)
        return reply.status_code, reply.json()["wrong"]


@pytest.fixture
def probes() -> Iterator[Probed]:
    made = Probed()
    with serving(made.health, "127.0.0.1", 0) as made.url:
        yield made


def test_a_thread_that_is_silent_too_long_is_not_live(probes: Probed) -> None:
    """Ready all the same: only a new process helps."""
    probes.liveness.beat("listener-0")
    probes.liveness.beat("listener-1")
    assert probes.get(LIVE) == (200, {})
    probes.now_ms += 60_001
    probes.liveness.beat("listener-1")
    assert probes.get(LIVE) == (503, {"listener-0": "silent"})
    assert probes.get(READY) == (200, {})


def test_a_table_that_does_not_answer_is_not_ready_and_yet_live(probes: Probed) -> None:
    """A new process would not get an answer either."""
    probes.answers["table"] = "unavailable"
    assert probes.get(READY) == (503, {"table": "unavailable"})
    assert probes.get(LIVE) == (200, {})


def test_a_process_that_goes_down_is_not_ready(probes: Probed) -> None:
    """Whoever waits for it to be, need not."""
    probes.health.draining = True
    assert probes.get(READY) == (503, {"process": "draining"})


def test_other_paths_are_not_there(probes: Probed) -> None:
    """It serves probes and nothing else."""
    assert httpx.get(f"{probes.url}/metrics").status_code == 404
