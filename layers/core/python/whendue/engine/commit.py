"""Write transitions, run the fan-outs that they leave pending, and send messages."""

from collections.abc import Sequence

from whendue.engine.apply import Written, apply, count, first_failures, prepared, send
from whendue.engine.fan_out import CompletionFanOut
from whendue.engine.ports import WriteResult
from whendue.engine.runtime import Runtime
from whendue.jobs.transition import Transition
from whendue.quotas import FAN_OUT_PAGES
from whendue.table.writes import Write


def commit_unsent(runtime: Runtime, transitions: Sequence[Transition]) -> list[WriteResult]:
    """Write transitions of different jobs and run pending fan-outs, but send no messages; one result each, in order.

    A fan-out that fails is repeated by its job's next check: the results say only what is written.
    """
    done = apply(runtime, transitions)
    _follow(runtime, done)
    return [result for _, result in done]


def commit(runtime: Runtime, transitions: Sequence[Transition], now_ms: int) -> list[WriteResult]:
    """Write transitions, run pending fan-outs, and send the messages of the transitions that are written.

    A transition with pending fan-out sends nothing: the message is sent when the fan-out is finished.
    """
    done = apply(runtime, transitions)
    _follow(runtime, done)
    send(runtime.queue, [step.job for step, result in done if result.done and step.send], now_ms, runtime.bulkhead)
    return [result for _, result in done]


def commit_together(
    runtime: Runtime, transitions: Sequence[Transition], others: Sequence[Write], now_ms: int
) -> list[WriteResult]:
    """Write transitions of different jobs and other items, all or none; one result each transition.

    Of pending fan-outs one page is run, which is all of most. The rest is left to the next checks: whoever asked for a
    job of its own does not wait for the dependents of the one that it replaces.
    """
    steps = prepared(runtime, transitions)
    if failed := first_failures(runtime, steps):
        return [next(iter(failed.values()))] * len(steps)
    results = runtime.store.apply_together([*steps, *others])[: len(steps)]
    done = list(zip(steps, results, strict=True))
    count(runtime, done)
    _follow(runtime, done, pages=1)
    send(runtime.queue, [step.job for step, result in done if result.done and step.send], now_ms, runtime.bulkhead)
    return results


def _follow(runtime: Runtime, done: Written, pages: int = FAN_OUT_PAGES) -> None:
    if pending := [step.job for step, result in done if result.done and step.job.pending_fan_out is not None]:
        CompletionFanOut(runtime).run(pending, pages)
