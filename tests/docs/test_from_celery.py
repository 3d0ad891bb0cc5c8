"""docs/guide/from-celery.md shows all that changes between its two apps, and the app that it ends with runs."""

import json
import re
import subprocess
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pytest

from localstack.build import ABSENT
from localstack.task_manifest import TaskModules, described
from localstack.venvs import ensure
from tests.builders.callers import client_of
from tests.builders.world import World
from tests.docs.pages import text_of
from whendue import Client
from whendue.client import use
from whendue.declarations.registry import TASKS
from whendue.manifest.packed import Packed

ROOT: Final = Path(__file__).parents[2]
BEFORE, AFTER = (ROOT / f"examples/from_celery/{side}/shop.py" for side in ("before", "after"))
PAGE: Final = "docs/guide/from-celery.md"


def hunks() -> list[list[str]]:
    """Return the lines of each of the page's diffs."""
    return [block.splitlines() for block in re.findall(r"```diff\n(.*?)```", text_of(PAGE), re.DOTALL)]


def changed(lines: list[str], changes: list[list[str]]) -> list[str]:
    """Return lines to which changes were made, each after the one before it, as `patch` does."""
    done: list[str] = []
    for change in changes:
        old = [line[1:] for line in change if line[:1] != "+"]
        position = next(n for n in range(len(lines)) if lines[n : n + len(old)] == old)
        done += [*lines[:position], *(line[1:] for line in change if line[:1] != "-")]
        lines = lines[position + len(old) :]
    return done + lines


def test_the_page_shows_all_that_changes() -> None:
    """A reader who makes these changes has the app that runs."""
    before, after = BEFORE.read_text().splitlines(), AFTER.read_text().splitlines()
    assert changed(before, hunks()) == after
    assert before != after


def test_the_page_shows_nothing_that_does_not_change() -> None:
    """A line that is shown as removed and added again hides those that change."""
    for hunk in hunks():
        removed, added = ({line[1:] for line in hunk if line.startswith(sign)} - {""} for sign in "-+")
        assert removed
        assert not removed & added


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The app, imported as a worker imports it."""
    monkeypatch.setattr(TASKS, "_tasks", dict(TASKS._tasks))
    return import_module("examples.from_celery.after.shop")


@pytest.fixture
def world(shop: ModuleType) -> World:
    made = World()
    for task in (shop.price, shop.total, shop.invoice, shop.remind, shop.report):
        made.registry.add(task.definition)
    return made


@pytest.fixture
def client(world: World) -> Iterator[Client]:
    made = client_of(world)
    with use(made):
        yield made


def states(client: Client, kind: str) -> list[tuple[str, Any]]:
    return sorted((job.state, client.get_job(job.id).result) for job in client.list_jobs(type=kind))


def test_an_order_is_billed_and_reminded_of(
    shop: ModuleType, client: Client, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The chord, the chain, a countdown and an eta."""
    now = world.clock.now_ms()
    monkeypatch.setattr(shop, "datetime", _Clock(world))
    handle = shop.take_order(7, ["tea", "milk"])
    assert handle.wait(timeout_s=600).state == "succeeded"
    nodes = {node.name: client.get_job(str(node.job)).result for node in handle.get().nodes}
    assert nodes == {"shop.price": 300, "shop.price-2": 400, "shop.total": 700, "shop.invoice": "order 7: 7.00 EUR"}
    dues = sorted(round(job.due_at.timestamp() - now / 1000) for job in client.list_jobs(type="shop.remind"))
    assert dues == [3600, 7 * 86_400]
    world.pass_time(3700, step_s=10)
    assert states(client, "shop.remind") == [("scheduled", None), ("succeeded", "order 7 is not paid")]


def test_an_invoice_is_tried_again(shop: ModuleType, client: Client) -> None:
    """The retry of the example."""
    job = shop.invoice.delay(order=-1, amount=1).wait(timeout_s=600)
    assert (job.state, job.attempt, job.max_attempts) == ("succeeded", 2, 4)


def test_the_schedule_creates_the_report_which_creates_its_reminders(
    shop: ModuleType, client: Client, world: World
) -> None:
    """Also when it is put twice."""
    shop.put_schedules()
    shop.put_schedules()
    assert [schedule.name for schedule in client.list_schedules()] == ["nightly-report"]
    client.trigger_schedule("nightly-report")
    world.pass_time(10)
    assert states(client, "shop.report") == [("succeeded", 3)]
    assert len(states(client, "shop.remind")) == 3


class _Clock:
    """Stands for `datetime` in the example: the time of the world."""

    def __init__(self, world: World) -> None:
        self._world = world

    def now(self, zone: Any) -> Any:
        from datetime import datetime

        return datetime.fromtimestamp(self._world.clock.now_ms() / 1000, zone)


def test_the_app_can_be_imported_by_a_function() -> None:
    """Which has neither the client nor what `whendue dev` needs."""
    names = ("examples/__init__.py", "examples/from_celery/__init__.py", "examples/from_celery/after/__init__.py")
    sources = dict.fromkeys(names, b"") | {str(AFTER.relative_to(ROOT)): AFTER.read_bytes()}
    modules = TaskModules(("examples.from_celery.after",), packed=Packed(ABSENT))
    manifest = json.loads(described(sources, modules))
    assert manifest["failures"] == []
    assert "shop.report" in [task["name"] for task in manifest["tasks"]]


# --- before -------------------------------------------------------------------------------------------------------

BEFORE_RUNS: Final = """
from examples.from_celery.before import shop

# Each call is made at once, in this process: there is no broker.
shop.app.conf.update(task_always_eager=True, task_store_eager_result=False)
print(shop.take_order(7, ["tea", "milk"]).get())
print(shop.invoice.delay(order=-1, amount=1).get())
print(shop.report.delay().get())
"""


@pytest.mark.thorough
def test_the_app_before_runs() -> None:
    """With the Celery that `make bench` measures (requirements/bench.txt), in its environment."""
    python = ensure("bench") / "python"
    done = subprocess.run([python, "-c", BEFORE_RUNS], cwd=ROOT, check=False, capture_output=True, text=True, env={})
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["order 7: 7.00 EUR", "order -1: 0.01 EUR", "3"]
