"""Record transitions and what follows from them: the news that they owe is told, messages are sent."""

from collections.abc import Sequence

from whendue.engine.apply import Written, apply, send
from whendue.engine.fan_out import CompletionFanOut
from whendue.engine.ports import WriteResult
from whendue.engine.runtime import Runtime
from whendue.jobs.transition import Transition


def commit_unsent(runtime: Runtime, transitions: Sequence[Transition]) -> list[WriteResult]:
    """Write transitions of different jobs and see to what follows, but for their messages; one outcome each, in order.

    What follows and fails is healed by the jobs' next checks: the outcomes say only what is written.
    """
    done = apply(runtime, transitions)
    _follow(runtime, done)
    return [end for _, end in done]


def commit(runtime: Runtime, transitions: Sequence[Transition], now_ms: int) -> list[WriteResult]:
    """Write transitions, see to what follows, and send the messages of those that hold.

    A transition with pending fan-out sends nothing: whoever finishes the fan-out sends the message, afterwards.
    """
    done = apply(runtime, transitions)
    _follow(runtime, done)
    send(runtime.queue, [step.job for step, end in done if end.done and step.send], now_ms, runtime.bulkhead)
    return [end for _, end in done]


def _follow(runtime: Runtime, done: Written) -> None:
    if pending := [step.job for step, end in done if end.done and step.job.pending_fan_out is not None]:
        CompletionFanOut(runtime).run(pending)
