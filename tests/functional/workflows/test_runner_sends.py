"""Which members a composite sends once it waits for them: those that nobody else sends."""

from collections.abc import Sequence
from dataclasses import replace

from tests.builders.dependencies import unavailable
from tests.builders.faults import Refusing
from tests.builders.workflows import flow, node, parts, start
from tests.builders.world import World
from whendue.bootstrap.application import App
from whendue.engine.commit import commit_unsent
from whendue.engine.message import from_body
from whendue.engine.ports import Outgoing
from whendue.jobs.model import State
from whendue.jobs.transitions import claim
from whendue.table.writes import Write
from whendue.workflows.graph import Draft


def one_batch(world: World, app: App) -> None:
    """Let a worker handle what is in the queue now, and nothing that follows."""
    app.work.handle(world.queues.receive("normal"), world.clock.now_ms() + 60_000)


def noting(world: World, sent: list[str | None]) -> App:
    """Make a process whose messages are not sent; the names of their jobs are noted."""

    def send(queue: str, messages: Sequence[Outgoing]) -> list[bool]:
        sent.extend(from_body(message.body).node for message in messages)
        return [True for _ in messages]

    return world.build(queue=Refusing(world.queues, "send", send))


def later(draft: Draft, delay_s: int) -> Draft:
    """Ask for a node that is not due at once."""
    return replace(draft, request=replace(draft.request, delay_s=delay_s))


def test_a_member_that_is_due_much_later_is_not_sent() -> None:
    """The timer sends it at its first check; a second message would be received for nothing."""
    world, sent = World(), list[str | None]()
    start(world, flow(node("a"), later(node("b"), 3600)))
    one_batch(world, noting(world, sent))
    assert sent == ["a"]


def test_members_that_run_or_have_a_pending_fan_out_are_not_sent_by_a_repeated_first_run() -> None:
    """The timer has sent them since the first run ended; who has a failed attempt is sent once that fan-out is over."""
    world, sent = World(), list[str | None]()
    whole = start(world, flow(node("runs"), node("failed"), node("pending")))
    one_batch(world, unavailable(world, "expand"))
    runs, failed, _ = parts(world, whole, 3)
    world.clock.advance(400)
    [end] = commit_unsent(world.app.runtime, [claim(runs, "f", world.clock.now_ms())])
    assert end.done
    world.table.apply([Write("failed", failed.key, (), {"pending_fan_out": ""})])
    one_batch(world, noting(world, sent))
    assert world.job(whole).state is State.WAITING
    assert sent == ["pending"]
