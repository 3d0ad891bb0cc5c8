"""Record transitions and what follows from them: the news that they owe is told, messages are sent."""

from collections.abc import Sequence

from whendue.engine.apply import Written, send, written
from whendue.engine.fan_out import Telling
from whendue.engine.ports import Outcome
from whendue.engine.runtime import Ports
from whendue.jobs.transition import Transition


def record(ports: Ports, transitions: Sequence[Transition]) -> list[Outcome]:
    """Write transitions of different jobs and see to what follows, but for their messages; one outcome each, in order.

    What follows and fails is healed by the jobs' alarms: the outcomes say only what is written.
    """
    done = written(ports, transitions)
    _follow(ports, done)
    return [end for _, end in done]


def record_and_send(ports: Ports, transitions: Sequence[Transition], now_ms: int) -> list[Outcome]:
    """Write transitions, see to what follows, and send the messages of those that hold.

    A transition that owes news sends nothing (`domain.step.owing`): who tells it sends the message, afterwards.
    """
    done = written(ports, transitions)
    _follow(ports, done)
    send(ports.queue, [step.job for step, end in done if end.done and step.send], now_ms, ports.bulkhead)
    return [end for _, end in done]


def _follow(ports: Ports, done: Written) -> None:
    if owing := [step.job for step, end in done if end.done and step.job.owes is not None]:
        Telling(ports).tell(owing)
