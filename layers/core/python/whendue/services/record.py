"""Record transitions and what follows from them: the news that they owe is told, messages are sent."""

from collections.abc import Callable, Sequence
from contextlib import suppress

from whendue.domain.job import Job
from whendue.domain.step import Transition
from whendue.errors import UnavailableError
from whendue.ports import Outcome
from whendue.services.outside import Ports
from whendue.services.telling import Telling
from whendue.services.write import Written, send, written


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

    def sent(jobs: Sequence[Job]) -> Sequence[bool]:
        return send(ports.queue, jobs, now_ms)

    _each(ports, [step.job for step, end in done if end.done and step.send], sent, "send")
    return [end for _, end in done]


def _follow(ports: Ports, done: Written) -> None:
    def told(jobs: Sequence[Job]) -> Sequence[None]:
        Telling(ports).tell(jobs)
        return [None] * len(jobs)

    _each(ports, [step.job for step, end in done if end.done and step.job.owes is not None], told, "tell")


def _each(ports: Ports, jobs: Sequence[Job], function: Callable[[Sequence[Job]], Sequence[object]], stage: str) -> None:
    """Do what follows for jobs whose writes hold, whatever it raises: their alarms heal it."""
    with suppress(UnavailableError):
        ports.bulkhead.together(jobs, function, stage=stage, name=lambda job: job.id)
