"""Record transitions and what follows from them: the news that they owe is told, messages are sent."""

from collections.abc import Sequence

from whendue.domain.job import Job
from whendue.domain.step import Transition
from whendue.ports import Outcome
from whendue.services.isolate import isolated
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
    jobs = [step.job for step, end in done if end.done and step.send]
    isolated(jobs, lambda some: send(ports.queue, some, now_ms), lambda job, error: _unsent(ports, job, error))
    return [end for _, end in done]


def _follow(ports: Ports, done: Written) -> None:
    if owing := [step.job for step, end in done if end.done and step.job.owes is not None]:
        Telling(ports).tell(owing)


def _unsent(ports: Ports, job: Job, error: Exception) -> bool:
    """Note that the message of a job that is written could not be sent; the timer sends it."""
    ports.bulkhead.note("send", job.id, error)
    return False
