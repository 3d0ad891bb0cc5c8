"""A claimed job's `ctx.once`: true for one claim, whatever the timer changes of its record, and for no later one."""

from typing import Any

import pytest

from tests.builders.world import World
from whendue.declarations.registry import Retry
from whendue.engine.ports import WriteResult, WriteStatus
from whendue.table.keys import once_key
from whendue.table.writes import Write


def test_once_is_true_for_its_claim_alone_also_when_the_timer_has_changed_its_record() -> None:
    """The insert's repetition finds another check then, and the fence of its own claim."""
    world = World()
    answers: list[bool] = []

    def ask(payload: Any, ctx: Any) -> None:
        answers.append(ctx.once("k"))
        world.table.rows[once_key(ctx.job_id, "k")]["check_at"] += 1
        answers.append(ctx.once("k"))
        if ctx.attempt == 1:
            raise Retry("again")

    world.task("ask", ask)
    world.submit("ask", policy={"base_s": 1, "jitter": "none"})
    world.pass_time(5)
    assert answers == [True, True, False, False]


def test_once_is_false_where_nobody_knows_who_was_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal that does not show the record is no claim's own."""
    world = World()
    answers: list[bool] = []
    real = world.table.apply

    def apply(writes: Any) -> list[WriteResult]:
        return [WriteResult(WriteStatus.REFUSED)] if _is_once(writes) else real(writes)

    def ask(payload: Any, ctx: Any) -> None:
        monkeypatch.setattr(world.table, "apply", apply)
        answers.append(ctx.once("k"))

    world.task("ask", ask)
    world.submit("ask")
    world.work()
    assert answers == [False]


def _is_once(writes: list[Write]) -> bool:
    return any(write.name == "once" for write in writes)
